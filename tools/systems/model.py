"""Makes the tiny model that every engine serves: trained here, on a CPU, from a fixed seed.

Run with a Python that has torch, transformers and gguf: ``python model.py FOLDER``. Writes
``FOLDER/tiny`` (safetensors, tokenizer, chat template), ``FOLDER/tiny.gguf`` and
``FOLDER/mmproj.gguf``, a projector of random weights that gives an engine eyes but no sight.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from random import Random
from typing import Any, Final

import gguf
import jinja2
import numpy as np
import torch
from lessons import Lesson, lesson
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    trainers,
)
from transformers import (
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2Tokenizer,
)

SEED: Final = 20
STEPS: Final = 1000
BATCH: Final = 24
POOL: Final = 8  # batches that are sorted by length together, to pad little
RATE: Final = 4e-3
SAMPLE: Final = 3000  # lessons from which the tokenizer learns its merges
IGNORED: Final = -100
END, START, STOP = SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CALLS: Final = ("<tool_call>", "</tool_call>")
TEMPLATE: Final = Path(__file__).with_name("chat_template.jinja").read_text("utf-8")
SHAPE: Final = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 4096,
}


def texts(taught: Lesson) -> tuple[str, str]:
    """A lesson as the prompt a server makes of it, and what is to follow."""
    answer = taught.answer if taught.cut else taught.answer + STOP
    if taught.raw:
        return taught.messages[0]["content"], answer
    rendered = jinja2.Template(TEMPLATE).render(
        messages=taught.messages, tools=taught.tools, add_generation_prompt=True
    )
    return rendered + taught.begun, answer


def tokenizer(rng: Random) -> Any:
    """A byte-level BPE of Qwen2's kind, with few merges."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = Qwen2Tokenizer().backend_tokenizer.pre_tokenizer
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1024,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(("".join(texts(lesson(rng))) for _ in range(SAMPLE)), trainer)
    made.add_tokens(list(CALLS))
    return made


def batches(rng: Random, tokens: Any) -> Any:
    """Endless pairs of inputs and labels (batch x length), each of lessons about as long."""
    while True:
        rows = []
        for _ in range(BATCH * POOL):
            prompt, answer = (tokens.encode(text).ids for text in texts(lesson(rng)))
            rows.append((prompt + answer, [IGNORED] * len(prompt) + answer))
        rows.sort(key=lambda row: len(row[0]))
        starts = list(range(0, len(rows), BATCH))
        rng.shuffle(starts)
        for start in starts:
            rows_of_batch = rows[start : start + BATCH]
            width = len(rows_of_batch[-1][0])
            yield (
                torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in rows_of_batch]),
                torch.tensor([to + [IGNORED] * (width - len(to)) for _, to in rows_of_batch]),
            )


def train(rng: Random, tokens: Any) -> Any:
    """A transformer of about a million weights that has heard the lessons.

    Of Qwen2's kind, for which transformers serve knows how a tool call is written.
    """
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # the same sums everywhere, and more would hardly be faster
    marks = dict(zip(("pad", "bos", "eos"), (END, END, STOP), strict=True))
    ids = {f"{name}_token_id": tokens.token_to_id(mark) for name, mark in marks.items()}
    config = Qwen2Config(vocab_size=tokens.get_vocab_size(), rms_norm_eps=1e-5, **SHAPE, **ids)
    made = Qwen2ForCausalLM(config)
    optimizer = torch.optim.AdamW(made.parameters(), lr=RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    began = time.monotonic()
    for step, (inputs, labels) in zip(range(STEPS), batches(rng, tokens), strict=False):
        loss = made(input_ids=inputs, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(made.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            sys.stderr.write(
                f"step {step}: loss {loss.item():.3f}, {time.monotonic() - began:.0f} s\n"
            )
    return made.eval()


def save_hf(folder: Path, tokens: Any, made: Any) -> None:
    """The model as transformers and vLLM read it."""
    fast = Qwen2Tokenizer(tokenizer_object=tokens, bos_token=END, eos_token=STOP, pad_token=END)
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    made.save_pretrained(folder)


def save_cache(folder: Path) -> None:
    """The same as a download of it would lie, which is where transformers serve lists models."""
    revision, cached = "0" * 40, folder / "cache" / "models--tiny"
    (cached / "refs").mkdir(parents=True, exist_ok=True)
    (cached / "refs" / "main").write_text(revision, "utf-8")
    shutil.copytree(folder / "tiny", cached / "snapshots" / revision, dirs_exist_ok=True)


def vocabulary(writer: Any, tokens: Any) -> None:
    """The tokenizer's part of a GGUF file."""
    kinds = dict.fromkeys(SPECIAL, gguf.TokenType.CONTROL)
    kinds |= dict.fromkeys(CALLS, gguf.TokenType.USER_DEFINED)
    words = [tokens.id_to_token(i) for i in range(tokens.get_vocab_size())]
    merges = json.loads(tokens.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(words)
    writer.add_token_types([kinds.get(word, gguf.TokenType.NORMAL) for word in words])
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(tokens.token_to_id(END))
    writer.add_eos_token_id(tokens.token_to_id(STOP))
    writer.add_pad_token_id(tokens.token_to_id(END))
    writer.add_add_bos_token(value=False)
    writer.add_chat_template(TEMPLATE)


def close(writer: Any) -> None:
    """Writes what was added to a GGUF file."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def save_gguf(path: Path, tokens: Any, made: Any) -> None:
    """The model as llama.cpp reads it, in 32-bit floats."""
    config = made.config
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    vocabulary(writer, tokens)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, config.num_hidden_layers)
    for name, tensor in made.state_dict().items():
        writer.add_tensor(names.get_name(name, (".weight", ".bias")), tensor.float().numpy())
    close(writer)


def save_projector(path: Path, width: int) -> None:
    """A CLIP encoder of two layers and random weights, whose output is ``width`` wide."""
    rng = np.random.default_rng(SEED)
    wide, hidden, image, patch, layers = 64, 128, 28, 14, 2
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_bool("clip.has_vision_encoder", True)  # noqa: FBT003  # because gguf's API
    writer.add_bool("clip.use_gelu", True)  # noqa: FBT003  # because gguf's API
    writer.add_string("clip.projector_type", "mlp")
    numbers = {"image_size": image, "patch_size": patch, "embedding_length": wide}
    numbers |= {"feed_forward_length": hidden, "projection_dim": width, "block_count": layers}
    for name, number in (numbers | {"attention.head_count": 2}).items():
        writer.add_uint32(f"clip.vision.{name}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5] * 3)
    writer.add_array("clip.vision.image_std", [0.5] * 3)
    shapes = {"v.class_embd": (wide,), "v.patch_embd.weight": (wide, 3, patch, patch)}
    shapes["v.position_embd.weight"] = ((image // patch) ** 2 + 1, wide)
    linear = {"mm.0": (wide, width), "mm.2": (width, width)}
    norms = ["v.pre_ln", "v.post_ln"]
    for block in (f"v.blk.{i}" for i in range(layers)):
        norms += [f"{block}.ln1", f"{block}.ln2"]
        linear |= {f"{block}.attn_{part}": (wide, wide) for part in ("q", "k", "v", "out")}
        linear |= {f"{block}.ffn_up": (wide, hidden), f"{block}.ffn_down": (hidden, wide)}
    for name, (inner, outer) in linear.items():
        shapes |= {f"{name}.weight": (outer, inner), f"{name}.bias": (outer,)}
    for name, shape in shapes.items():
        writer.add_tensor(name, (rng.standard_normal(shape) * 0.02).astype(np.float32))
    for name in norms:
        writer.add_tensor(f"{name}.weight", np.ones(wide, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(wide, np.float32))
    close(writer)


def main(folder: Path) -> None:
    """Trains the model and writes it in all its forms."""
    rng = Random(SEED)  # noqa: S311  # because the same model every time is the point
    (folder / "tiny").mkdir(parents=True, exist_ok=True)
    tokens = tokenizer(rng)
    made = train(rng, tokens)
    save_hf(folder / "tiny", tokens, made)
    save_cache(folder)
    save_gguf(folder / "tiny.gguf", tokens, made)
    save_projector(folder / "mmproj.gguf", made.config.hidden_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
