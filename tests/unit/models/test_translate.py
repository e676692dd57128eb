"""Translation models from directories of the hub's layout, with weights drawn at random."""

import json
import shutil

import pytest
import sentencepiece
import torch
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    M2M100Tokenizer,
    MarianConfig,
    MarianMTModel,
    NllbTokenizer,
)

from xlgap.errors import DataError
from xlgap.formats import dir_digest
from xlgap.models.translate import GROWTH, ROOM, Batch, HubTranslator
from xlgap.regimes.base import Translations
from xlgap.stages.translate import told_of

TEXTS = ["the cat sat", "a dog", "the dog ran after the cat", "a dog"]
CODES = ["eng_Latn", "swh_Latn", "deu_Latn"]
SIZES = {
    "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16,
    "max_position_embeddings": 64, "init_std": 1.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def nllb(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nllb")
    tokenizer = NllbTokenizer(
        vocab={
            token: n
            for n, token in enumerate(
                ["<s>", "<pad>", "</s>", "<unk>", "▁", *"abcdefghijklmnopqrstuvwxyz"]
            )
        },
        merges=[],
        additional_special_tokens=CODES,
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = M2M100Config(**SIZES, vocab_size=len(tokenizer), pad_token_id=1, eos_token_id=2,
                          bos_token_id=0, decoder_start_token_id=2)  # fmt: skip
    M2M100ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def test_texts_come_back_in_their_order_and_the_same_again(nllb):
    model = HubTranslator(str(nllb), None, language="sw")
    found = model.translate(TEXTS)
    assert len(found) == len(TEXTS)
    assert found[1] == found[3]
    assert model.translate(TEXTS) == found
    assert HubTranslator(str(nllb), None, language="sw").translate(TEXTS) == found


def test_the_language_asked_for_is_the_first_token(nllb):
    first = {code: HubTranslator(str(nllb), None, language=code)._first for code in ("sw", "de")}
    tokens = HubTranslator(str(nllb), None, language="sw")._tokenizer
    assert first == {
        "sw": tokens.convert_tokens_to_ids("swh_Latn"),
        "de": tokens.convert_tokens_to_ids("deu_Latn"),
    }
    assert tokens.src_lang == "eng_Latn"
    assert tokens("a dog")["input_ids"][0] == tokens.convert_tokens_to_ids("eng_Latn")
    found = {code: HubTranslator(str(nllb), None, language=code).translate(TEXTS) for code in first}
    assert found["sw"] != found["de"]


def test_what_is_not_translated_to_its_end_is_counted(nllb, monkeypatch):
    model = HubTranslator(str(nllb), None, language="sw")
    ids = torch.tensor([[2, 5, 6, 2, 1], [2, 5, 6, 7, 8], [2, 2, 1, 1, 1]])
    monkeypatch.setattr(model._model, "generate", lambda **_: ids)
    assert model.batch(["a dog", "the cat " * 20, "a" * 40]) == Batch(
        texts=tuple(model._tokenizer.batch_decode(ids, skip_special_tokens=True)), cut=1, unfinished=1
    )


def test_a_language_that_it_does_not_know_is_told(nllb):
    with pytest.raises(DataError, match=r"does not know 'fi' \(.* as fin_Latn, __fi__\)"):
        HubTranslator(str(nllb), None, language="fi")


def test_other_formats_of_weights_are_not_read(nllb, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(nllb, folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(DataError, match="cannot be loaded"):
        HubTranslator(str(folder), None, language="sw")


def pieces(folder, *sides):
    """SentencePiece models of a few lines, and their pieces."""
    text = folder / "text.txt"
    text.write_text("\n".join([*TEXTS, "where is the cat now", "nobody knows that"] * 20))
    for side in sides:
        sentencepiece.SentencePieceTrainer.train(
            input=str(text), model_prefix=str(folder / side), vocab_size=30, minloglevel=2
        )
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{sides[0]}.spm"))
    return [model.id_to_piece(i) for i in range(3, 30)]


def test_m2m100_keeps_its_languages_beside_its_vocabulary(tmp_path):
    names = ["<s>", "<pad>", "</s>", "<unk>", *pieces(tmp_path, "s")]
    (tmp_path / "vocab.json").write_text(json.dumps({name: n for n, name in enumerate(names)}))
    tokens = M2M100Tokenizer(vocab_file=tmp_path / "vocab.json", spm_file=str(tmp_path / "s.spm"))
    tokens.save_pretrained(tmp_path / "model")
    torch.manual_seed(0)
    size = max(tokens.lang_token_to_id.values()) + 9  # it counts words that nobody uses, too
    config = M2M100Config(**SIZES, vocab_size=size, pad_token_id=1, eos_token_id=2,
                          bos_token_id=0, decoder_start_token_id=2)  # fmt: skip
    M2M100ForConditionalGeneration(config).save_pretrained(tmp_path / "model")
    model = HubTranslator(str(tmp_path / "model"), None, language="sw")
    assert model._first == tokens.get_lang_id("sw")
    assert model._tokenizer.src_lang == "en"
    assert len(model.translate(TEXTS)) == len(TEXTS)
    with pytest.raises(DataError, match="does not know 'eu'"):
        HubTranslator(str(tmp_path / "model"), None, language="eu")


def marian(folder, *marks):
    """A MarianMT checkpoint with real SentencePiece models, of one pair of languages or with marks."""
    names = ["</s>", "<unk>", *marks, *pieces(folder, "source", "target"), "<pad>"]
    vocabulary = {name: n for n, name in enumerate(dict.fromkeys(names))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "MarianTokenizer", "source_lang": "en", "target_lang": "sw"})
    )
    torch.manual_seed(0)
    pad = vocabulary["<pad>"]
    config = MarianConfig(**SIZES, vocab_size=len(vocabulary), pad_token_id=pad, eos_token_id=0,
                          decoder_start_token_id=pad, decoder_vocab_size=len(vocabulary))  # fmt: skip
    MarianMTModel(config).save_pretrained(folder)
    return str(folder)


def test_a_marian_model_of_one_pair(tmp_path):
    model = HubTranslator(marian(tmp_path), None, language="sw")
    assert (model._prefix, model._first) == ("", None)
    found = model.translate(TEXTS)
    assert found[1] == found[3]
    assert max(len(text.split()) for text in found) <= GROWTH * 10 + ROOM


def test_a_marian_model_of_several_languages_is_asked_by_a_mark(tmp_path):
    repo = marian(tmp_path, ">>deu<<", ">>swh<<")
    assert HubTranslator(repo, None, language="sw")._prefix == ">>swh<< "
    with pytest.raises(DataError, match="does not know 'fi'"):
        HubTranslator(repo, None, language="fi")


def test_a_directory_counts_from_the_checkout_and_the_manifest_says_its_bytes(
    nllb, tmp_path, monkeypatch
):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "study").mkdir()
    shutil.copytree(nllb, tmp_path / "mt")
    monkeypatch.chdir(tmp_path / "study")
    assert HubTranslator("mt", None, language="sw").translate(TEXTS[:1])
    before = told_of(Translations(hub="mt"))
    assert before["files_sha256"] == dir_digest(nllb, 64)
    (tmp_path / "mt" / "more.txt").write_text("x")
    assert told_of(Translations(hub="mt")) != before
    assert told_of(Translations(hub="a/b", revision="0" * 40)) == {"hub": "a/b", "revision": "0" * 40}
