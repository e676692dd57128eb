"""Start DeepSpeed as plans have it, on a tiny model of the same family, and train a step.

usage: planned_engines.py WAYS.json OUT.json

WAYS is a list of {"model_type", "plan": fields of ZeroPlan}; OUT has a line for each: the
stage that DeepSpeed runs, where its configuration offloads to, and the loss of a step. With states on
disk DeepSpeed compiles operators, for which libaio must be there: it reads the configuration alone,
and the loss is null.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoConfig

from xlgap.models.network import Network, _encoder, _from_config, make_head
from xlgap.models.packed import packing
from xlgap.tasks.base import Classify
from xlgap.training.engine import process_group, start_engine
from xlgap.training.zero import ZeroPlan, deepspeed_config

TINY = {
    "xlm-roberta": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                    "intermediate_size": 64, "max_position_embeddings": 40},
    "xlm-roberta-xl": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                       "intermediate_size": 64, "max_position_embeddings": 40},
    "mt5": {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2,
            "feed_forward_proj": "gated-gelu"},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 2},
}  # fmt: skip


def main(ways, out):
    with process_group(threads=1):
        found = [started(way) for way in json.loads(Path(ways).read_text())]
    Path(out).write_text(json.dumps(found))


def started(way):
    plan = ZeroPlan(**way["plan"])
    read_configuration(deepspeed_config(plan))
    on_disk = "nvme" in {plan.offload_optimizer, plan.offload_parameters}
    told = {"stage": plan.stage, "on_disk": on_disk, "loss": None}
    return told if on_disk else told | {"loss": step(way["model_type"], plan)}


def read_configuration(config):
    """As DeepSpeed reads it; raises where a value is wrong or unknown."""
    from deepspeed.runtime.config import DeepSpeedConfig

    read = DeepSpeedConfig(config)
    assert read.zero_config.stage == config["zero_optimization"]["stage"]
    for name in ("offload_optimizer", "offload_param"):
        asked = config["zero_optimization"].get(name)
        given = getattr(read.zero_config, name)
        assert (given is None) == (asked is None), name
        assert given is None or given.device == asked["device"], name


def step(model_type, plan):
    torch.manual_seed(0)
    fields = {"vocab_size": 60, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    config = AutoConfig.for_model(model_type, **fields, **TINY[model_type])
    encoder = _encoder(config, _from_config)
    network = Network(encoder, make_head(Classify(labels=("a", "b")), encoder, seed=0))
    engine = start_engine(network, plan)
    assert engine.zero_optimization_stage() == plan.stage
    ids = torch.randint(5, 55, (4, 8))
    batch = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": torch.zeros(4, 1, dtype=torch.long),
    }
    losses = []
    for _ in range(3):
        loss = engine(batch | packing([8] * 4, 8), 0.25)
        engine.backward(loss)
        engine.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0], losses
    engine.destroy()
    return losses[-1]


if __name__ == "__main__":
    main(*sys.argv[1:])
