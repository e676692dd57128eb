"""Rows of the catalogue: Qwen 2.5 and 3, Gemma 1 to 3, Llama 3."""

from __future__ import annotations

from collections.abc import Iterator

from xlgap.models.entry import Checkpoint

_GATED = "the repository is gated: accept its licence and log in to the hub"


def qwen() -> Iterator[Checkpoint]:
    """arXiv:2412.15115, arXiv:2505.09388: rotary positions, grouped-query attention, gated blocks."""
    second = (
        ("0.5B", "060db6499f32faf8b98477b0a26969ef7d8b9987", 24, 896, 4864, 14, 2, 151936, 32768, True,
         494_032_768, 357_898_112),
        ("1.5B", "8faed761d45a263340a0528343f099c05c9a4323", 28, 1536, 8960, 12, 2, 151936, 131072,
         True, 1_543_714_304, 1_310_340_608),
        ("3B", "3aab1f1954e9cc14eb9509a215f9e5ca08227a9b", 36, 2048, 11008, 16, 2, 151936, 32768, True,
         3_085_938_688, 2_774_773_760),
        ("7B", "d149729398750b98c0af14eb82c78cfe92750796", 28, 3584, 18944, 28, 4, 152064, 131072,
         False, 7_615_616_512, 6_525_621_760),
        ("14B", "97e1e76335b7017d8f67c08a19d103c0504298c9", 48, 5120, 13824, 40, 8, 152064, 131072,
         False, 14_770_033_664, 13_212_898_304),
        ("32B", "1818d35814b8319459f4bd55ed1ac8709630f003", 64, 5120, 27648, 40, 8, 152064, 131072,
         False, 32_763_876_352, 31_206_740_992),
        ("72B", "587cc4061cf6a7cc0d429d05c109447e5cf063af", 80, 8192, 29568, 64, 8, 152064, 131072,
         False, 72_706_203_648, 70_214_787_072),
    )  # fmt: skip
    for name, revision, layers, width, ff, heads, kv, words, positions, tied, total, rest in second:
        yield _decoder(
            f"Qwen/Qwen2.5-{name}", revision, f"Qwen2.5-{name}", "Qwen2.5", "qwen2", "Qwen2ForCausalLM",
            layers=layers, width=width, forward=ff, heads=heads, kv_heads=kv, vocabulary=words,
            positions=positions, tied=tied, total=total, rest=rest,
        )  # fmt: skip
    third = (
        ("0.6B", "da87bfb608c14b7cf20ba1ce41287e8de496c0cd", 28, 1024, 3072, 16, True, 596_049_920,
         440_467_456),
        ("1.7B", "ea980cb0a6c2ae4b936e82123acc929f1cec04c1", 28, 2048, 6144, 16, True, 1_720_574_976,
         1_409_410_048),
        ("4B", "906bfd4b4dc7f14ee4320094d8b41684abff8539", 36, 2560, 9728, 32, True, 4_022_468_096,
         3_633_511_936),
        ("8B", "49e3418fbbbca6ecbdf9608b4d22e5a407081db4", 36, 4096, 12288, 32, False, 8_190_735_360,
         6_946_075_648),
        ("14B", None, 40, 5120, 17408, 40, False, 14_768_307_200, 13_212_482_560),
    )  # fmt: skip
    for name, commit, layers, width, ff, heads, tied, total, rest in third:
        yield _decoder(
            f"Qwen/Qwen3-{name}-Base", commit, f"Qwen3-{name}-Base", "Qwen3", "qwen3",
            "Qwen3ForCausalLM", layers=layers, width=width, forward=ff, heads=heads, kv_heads=8,
            head_width=128, vocabulary=151936, positions=32768, tied=tied, total=total, rest=rest,
        )  # fmt: skip


def gemma() -> Iterator[Checkpoint]:
    """arXiv:2403.08295, arXiv:2408.00118, arXiv:2503.19786: the output matrix is the token table.

    Of Gemma 3 the sizes that read pictures, from 4B on, are left out.
    """
    first = ("gemma", "GemmaForCausalLM", 256000, 8192)
    second = ("gemma2", "Gemma2ForCausalLM", 256000, 8192)
    third = ("gemma3_text", "Gemma3ForCausalLM", 262144, 32768)
    rows = (
        ("gemma-2b", "9cf48e52b224239de00d483ec8eb84fb8d0f3a3a", "Gemma 2B", "Gemma", first,
         18, 2048, 16384, 8, 1, 256, 2_506_172_416, 1_981_884_416),
        ("gemma-7b", "ff6768d9368919a1f025a54f9f5aa0ee591730bb", "Gemma 7B", "Gemma", first,
         28, 3072, 24576, 16, 16, 256, 8_537_680_896, 7_751_248_896),
        ("gemma-2-2b", "c5ebcd40d208330abc697524c919956e692655cf", "Gemma 2 2B", "Gemma 2", second,
         26, 2304, 9216, 8, 4, 256, 2_614_341_888, 2_024_517_888),
        ("gemma-2-9b", "33c193028431c2fde6c6e51f29e6f17b60cbfac6", "Gemma 2 9B", "Gemma 2", second,
         42, 3584, 14336, 16, 8, 256, 9_241_705_984, 8_324_201_984),
        ("gemma-2-27b", "938270f5272feb02779b55c2bb2fffdd0f53ff0c", "Gemma 2 27B", "Gemma 2", second,
         46, 4608, 36864, 32, 16, 128, 27_227_128_320, 26_047_480_320),
        ("gemma-3-1b-pt", "fcf18a2a879aab110ca39f8bffbccd5d49d8eb29", "Gemma 3 1B", "Gemma 3", third,
         26, 1152, 6912, 4, 1, 256, 999_885_952, 697_896_064),
    )  # fmt: skip
    for repo, revision, name, family, of, layers, width, ff, heads, kv, head, total, rest in rows:
        kind, model, vocabulary, positions = of
        yield _decoder(
            f"google/{repo}", revision, name, family, kind, model, layers=layers, width=width,
            forward=ff, heads=heads, kv_heads=kv, head_width=head, vocabulary=vocabulary,
            positions=positions, tied=True, total=total, rest=rest, note=_GATED,
        )  # fmt: skip


def llama() -> Iterator[Checkpoint]:
    """arXiv:2407.21783."""
    rows = (
        ("3.2-1B", "4e20de362430cd3b72f300e6b0f18e50e7166e08", 16, 2048, 8192, 32, 64, True,
         1_235_814_400, 973_146_112),
        ("3.2-3B", "13afe5124825b4f3751f836b40dafda64c1ed062", 28, 3072, 8192, 24, 128, True,
         3_212_749_824, 2_818_747_392),
        ("3.1-8B", "d04e592bb4f6aa9cfee91e2e20afa771667e1d4b", 32, 4096, 14336, 32, 128, False,
         8_030_261_248, 6_979_588_096),
        ("3.1-70B", "349b2ddb53ce8f2849a6c168a81980ab25258dac", 80, 8192, 28672, 64, 128, False,
         70_553_706_496, 68_452_360_192),
        ("3.1-405B", None, 126, 16384, 53248, 128, 128, False, 405_853_388_800, 401_650_696_192),
    )  # fmt: skip
    for name, revision, layers, width, ff, heads, head, tied, total, rest in rows:
        yield _decoder(
            f"meta-llama/Llama-{name}", revision, f"Llama {name.replace('-', ' ')}", "Llama 3", "llama",
            "LlamaForCausalLM", layers=layers, width=width, forward=ff, heads=heads, kv_heads=8,
            head_width=head, vocabulary=128256, positions=131072, tied=tied, total=total, rest=rest,
            note=_GATED,
        )  # fmt: skip


def _decoder(
    repo: str,
    revision: str | None,
    name: str,
    family: str,
    kind: str,
    architecture: str,
    *,
    layers: int,
    width: int,
    forward: int,
    heads: int,
    kv_heads: int,
    vocabulary: int,
    positions: int,
    tied: bool,
    total: int,
    rest: int,
    head_width: int | None = None,
    note: str = "",
) -> Checkpoint:
    """One with the fields that Llama has and its heirs took over."""
    head = {} if head_width is None else {"head_dim": head_width}
    return Checkpoint(
        repo=repo, revision=revision, name=name, family=family, model_type=kind,
        architecture=architecture, layers=layers, d_model=width, d_ff=forward, heads=heads,
        vocabulary=vocabulary, positions=positions, tied=tied, params_total=total,
        params_nonembedding=rest,
        config={
            "vocab_size": vocabulary, "hidden_size": width, "num_hidden_layers": layers,
            "num_attention_heads": heads, "num_key_value_heads": kv_heads, **head,
            "intermediate_size": forward, "max_position_embeddings": positions,
            "tie_word_embeddings": tied,
        },
        note=note,
    )  # fmt: skip
