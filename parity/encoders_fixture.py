"""Writes model/testdata/encoders: a small random model of each encoder beside BERT, as sentence-transformers saves it, and
what transformers makes of it. `python parity/encoders_fixture.py`; the versions stand in each expected/inputs.json.

  <family>/.                            the model directory: pooling, Normalize; hidden 24, 3 heads
  <family>/expected/inputs.json         versions, texts, and sequences of token ids: those of the texts first; the tensors
                                        that transformers' Trainer applies weight decay to, but for the pooler's
  <family>/expected/outputs.safetensors
      hidden [tokens, 24]               the last hidden state; only real tokens, sequences end to end
      embeddings [sequences, 24]        pooled and normalised
      cotangent [sequences, 24]         fixed random numbers; loss = sum(cotangent * embeddings)
      gradient.<tensor>                 gradient of that loss by the names of the weights' file, dropout off
  <family>/lora/                        a PEFT adapter (B not zero) on every linear module, and expected.safetensors in the same
                                        words; of NomicBERT and GTE with ranks and scalings of their own in some modules, because
                                        transformers' classes take apart what the files hold whole
  mpnet/expected/buckets.json           the row of relative_attention_bias by distance, -600 to 600

All is computed in float64 from the float32 weights and rounded once; rotary angles are float32's, as in transformers.

Two of the directories are the forms in which NomicBERT and GTE are published, with code of their own that is not run
here: nomic-published and gte-published have that code's config.json and the same tensors (transformers saves its classes
under the published names). Scaled frequencies of theirs are not in transformers: ntk() and dynamic() have the formulas that the
published code states (the former is Su's, https://kexue.fm/archives/9706), and they replace those of transformers' classes.
NomicBERT's depend on the length of a text, here of each by itself; the published code takes the longest of a batch.
"""

import json

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

import fixture

WORDS = "the adds subtracts fraction numerator denominator digit order zero answer wrong correct number sum half".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,+-=?/"
TEXTS = [
    "Adds the numerators and the denominators: 1/2 + 1/3 = 2/5",
    "the wrong answer",
    "",
    "ünïcödé 漢字 🙂",
    "a half of the <pad> fraction",
    "the order of the digits of a number, " * 20,  # longer than the model reads
]
SIZES = dict(hidden_size=24, num_attention_heads=3, intermediate_size=40, num_hidden_layers=2)
TAKEN_APART = {"rank_pattern": {"q_proj": 3}, "alpha_pattern": {"v_proj": 6, "up_proj": 5}}
HEADER = ("torch", "transformers", "tokenizers", "sentence-transformers", "peft")


def main():
    folder = fixture.output("model/testdata/encoders")
    for make in (roberta, xlm_roberta, modernbert, mpnet, nomic, nomic_published, gte, gte_published):
        make(folder / make.__name__.replace("_", "-"))
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)


def roberta(folder):
    tokenizer = transformers.RobertaTokenizer(*byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]), model_max_length=24)
    config = transformers.RobertaConfig(
        **SIZES, vocab_size=len(tokenizer), max_position_embeddings=26, type_vocab_size=1, layer_norm_eps=1e-5)
    write(folder, random(transformers.RobertaModel(config)), tokenizer, "mean", adapter=True)


def xlm_roberta(folder):
    tokenizer = transformers.XLMRobertaTokenizer(vocab=pieces())  # no model_max_length: the positions limit it
    config = transformers.XLMRobertaConfig(
        **SIZES, vocab_size=len(tokenizer), max_position_embeddings=26, type_vocab_size=1, layer_norm_eps=1e-5)
    write(folder, random(transformers.XLMRobertaModel(config)), tokenizer, "cls", max_length=24)


def modernbert(folder):
    vocabulary, merges = byte_level(["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"])
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]",
        mask_token="[MASK]", model_max_length=40)
    config = transformers.ModernBertConfig(
        **SIZES | {"num_hidden_layers": 4}, vocab_size=len(tokenizer), max_position_embeddings=40, local_attention=8,
        pad_token_id=3, cls_token_id=1, bos_token_id=1, sep_token_id=2, eos_token_id=2)
    write(folder, random(transformers.ModernBertModel(config)), tokenizer, "cls", adapter=True)


def mpnet(folder):
    vocabulary = word_pieces(["<s>", "<pad>", "</s>", "[UNK]", "<mask>"])
    tokenizer = transformers.MPNetTokenizer(vocab=vocabulary, model_max_length=24)
    config = transformers.MPNetConfig(**SIZES, vocab_size=len(vocabulary), max_position_embeddings=26, layer_norm_eps=1e-5)
    model = random(transformers.MPNetModel(config))
    write(folder, model, tokenizer, "mean", adapter=True)
    buckets = model.encoder.relative_position_bucket(torch.arange(-600, 601)).tolist()
    fixture.write_json(folder / "expected" / "buckets.json", {"header": fixture.header("torch", "transformers"), "buckets": buckets})


def bert_tokenizer():
    return transformers.BertTokenizer(vocab=word_pieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]), model_max_length=32)


def nomic(folder):
    tokenizer = bert_tokenizer()
    config = transformers.NomicBertConfig(**SIZES, vocab_size=len(tokenizer), max_position_embeddings=32, type_vocab_size=2)
    write(folder, random(transformers.NomicBertModel(config)), tokenizer, "mean", adapter=TAKEN_APART)


def nomic_published(folder):
    """One layer, 256 wide for n_inner 200, with frequencies that texts of more than 16 tokens stretch."""
    tokenizer = bert_tokenizer()
    sizes = SIZES | {"intermediate_size": 256, "num_hidden_layers": 1}
    config = transformers.NomicBertConfig(**sizes, vocab_size=len(tokenizer), max_position_embeddings=32, type_vocab_size=2)
    write(folder, random(transformers.NomicBertModel(config)), tokenizer, "mean",
          frequencies=lambda length: dynamic(theta=1000.0, factor=2.0, dimension=8, trained=16, length=length))
    republish(folder, {
        "activation_function": "swiglu", "architectures": ["NomicBertModel"], "attn_pdrop": 0.0, "causal": False,
        "dense_seq_output": True, "embd_pdrop": 0.0, "fused_bias_fc": True, "fused_dropout_add_ln": True,
        "initializer_range": 0.02, "layer_norm_epsilon": 1e-12, "max_trained_positions": 16, "mlp_fc1_bias": False,
        "mlp_fc2_bias": False, "model_type": "nomic_bert", "n_embd": 24, "n_head": 3, "n_inner": 200, "n_layer": 1,
        "n_positions": 128, "pad_token_id": 0, "pad_vocab_size_multiple": 1, "parallel_block": False,
        "parallel_block_tied_norm": False, "prenorm": False, "qkv_proj_bias": False, "reorder_and_upcast_attn": False,
        "resid_pdrop": 0.0, "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False,
        "rotary_emb_scale_base": None, "rotary_scaling_factor": 2.0, "scale_attn_by_inverse_layer_idx": False,
        "scale_attn_weights": True, "type_vocab_size": 2, "use_cache": True, "use_flash_attn": True,
        "use_rms_norm": False, "use_xentropy": True, "vocab_size": len(tokenizer)})


def gte(folder):
    tokenizer = transformers.XLMRobertaTokenizer(vocab=pieces(), model_max_length=32)
    config = transformers.GteConfig(
        **SIZES, vocab_size=len(tokenizer), max_position_embeddings=32, type_vocab_size=1, hidden_dropout_prob=0.0)
    write(folder, random(transformers.GteModel(config)), tokenizer, "cls", adapter={"target_modules": ["q_proj", "v_proj", "gate_proj", "down_proj"]})


def gte_published(folder):
    tokenizer = bert_tokenizer()
    config = transformers.GteConfig(
        **SIZES, vocab_size=len(tokenizer), max_position_embeddings=32, type_vocab_size=0, pad_token_id=0,
        hidden_dropout_prob=0.0)
    frequencies = ntk(theta=5000.0, factor=2.0, dimension=8)
    write(folder, random(transformers.GteModel(config)), tokenizer, "cls", prefix="new.", frequencies=lambda _: frequencies)
    republish(folder, {
        "architectures": ["NewForMaskedLM"], "attention_probs_dropout_prob": 0.0, "classifier_dropout": None,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.0, "hidden_size": 24, "initializer_range": 0.02,
        "intermediate_size": 40, "layer_norm_eps": 1e-12, "layer_norm_type": "layer_norm", "logn_attention_clip1": False,
        "logn_attention_scale": False, "max_position_embeddings": 32, "model_type": "new", "num_attention_heads": 3,
        "num_hidden_layers": 2, "pack_qkv": True, "pad_token_id": 0, "position_embedding_type": "rope",
        "rope_scaling": {"factor": 2.0, "type": "ntk"}, "rope_theta": 5000, "type_vocab_size": 0,
        "unpad_inputs": False, "use_memory_efficient_attention": False, "vocab_size": len(tokenizer)})


def ntk(theta, factor, dimension):
    """Frequencies under fixed NTK scaling: the base grows by the factor, and all shrink by factor^(2/dimension)."""
    exponents = torch.arange(0, dimension, 2).float() / dimension
    return 1.0 / ((theta * factor) ** exponents) / factor ** (2 / dimension)


def dynamic(theta, factor, dimension, trained, length):
    """Frequencies under dynamic NTK scaling, for a text of so many tokens."""
    if length > trained:
        theta *= (factor * length / trained - (factor - 1)) ** (dimension / (dimension - 2))
    return 1.0 / (theta ** (torch.arange(0, dimension, 2).float() / dimension))


def byte_level(special):
    """A vocabulary of byte-level BPE: every byte, and the merges that spell WORDS from left to right."""
    vocabulary = special + sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = []
    for word in WORDS:
        left = "Ġ"
        for letter in word:
            if (left, letter) not in merges:
                merges.append((left, letter))
                vocabulary.append(left + letter)
            left += letter
    return {token: i for i, token in enumerate(vocabulary)}, merges


def pieces():
    """A Unigram vocabulary: letters are worth less than words."""
    special = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    words = [("▁" + word, -4.0 - i / 8) for i, word in enumerate(WORDS)]
    return special + [("▁", -6.0)] + words + [(letter, -8.0 - i / 8) for i, letter in enumerate(LETTERS)]


def word_pieces(special):
    tokens = special + WORDS + list(LETTERS) + ["##" + letter for letter in LETTERS]
    return {token: i for i, token in enumerate(tokens)}


def random(model):
    """Fills a model with random numbers: as initialised, biases are zero and norms do nothing."""
    torch.manual_seed(3)
    for name, p in model.named_parameters():
        norm = any(word in name.lower() for word in ("layernorm", "norm.weight", "_ln"))
        spread, centre = (0.2, 1.0) if norm and name.endswith("weight") else (0.15, 0.0)
        torch.nn.init.normal_(p.data, centre, spread)
    return model


def write(folder, model, tokenizer, pooling, max_length=None, prefix="", adapter=False, frequencies=None):
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    names = file_names(folder, model)
    modules = [Transformer(str(folder)), Pooling(SIZES["hidden_size"], pooling), Normalize()]
    peer = SentenceTransformer(modules=modules, device="cpu")
    peer.save(str(folder), create_model_card=False)
    fixture.tidy(folder)
    max_length = max_length or peer.max_seq_length
    sequences = tokenizer(TEXTS, truncation=True, max_length=max_length)["input_ids"] + token_ids(len(tokenizer), max_length)
    (folder / "expected").mkdir(exist_ok=True)
    decayed = transformers.Trainer.get_decay_parameter_names(None, model)
    decayed = [prefix + name for name, parts in names.items() if set(parts) <= set(decayed) and not name.startswith("pooler")]
    inputs = {"header": fixture.header(*HEADER), "max_length": max_length, "texts": TEXTS, "sequences": sequences, "decayed": sorted(decayed)}
    fixture.write_json(folder / "expected" / "inputs.json", inputs)
    pad = tokenizer.pad_token_id
    tensors = expected(model.double().eval(), names, sequences, pooling, pad, frequencies)
    save(tensors, folder / "expected" / "outputs.safetensors", prefix)
    if adapter:
        write_adapter(folder, type(model), sequences, pooling, pad, {} if adapter is True else adapter)
    if prefix:
        path = folder / "model.safetensors"
        save_file({prefix + name: tensor for name, tensor in load_file(path).items()}, path, metadata={"format": "pt"})


def file_names(folder, model):
    """The parameters that each tensor of the saved file is made of: one of the same name, or those whose rows it joins."""
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    names = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        if name in parameters:
            names[name] = [name]
            continue
        alike = [n for n, p in parameters.items() if p.shape == tensor.shape and torch.equal(p, tensor)]
        if not alike:  # rows of several, found by the first row of each
            starts = {}
            for n, p in parameters.items():
                if p.dim() == tensor.dim() and p.shape[1:] == tensor.shape[1:]:
                    at = [i for i in range(len(tensor) - len(p) + 1) if torch.equal(tensor[i:i + len(p)], p)]
                    if at:
                        starts[at[0]] = n
            alike = [starts[i] for i in sorted(starts)]
            assert torch.equal(torch.cat([parameters[n] for n in alike]), tensor), name
        names[name] = alike
    return names


def republish(folder, config):
    (folder / "config.json").write_text(json.dumps(config | {"torch_dtype": "float32"}, indent=2) + "\n")


def token_ids(vocabulary, longest):
    generator = torch.Generator().manual_seed(4)
    lengths = [7, 1, longest, 12, 3]
    sequences = [torch.randint(0, vocabulary, (n,), generator=generator).tolist() for n in lengths]
    sequences[3][3:6] = [sequences[3][3]] * 3  # a repeated token gathers gradient
    return sequences


def expected(model, names, sequences, pooling, pad, frequencies=None):
    """Every expected tensor of a model. With frequencies by length each sequence is computed alone."""
    batches = [sequences] if frequencies is None else [[s] for s in sequences]
    hidden, embeddings = [], []
    for batch in batches:
        if frequencies is not None:
            model.rotary_emb.inv_freq.copy_(frequencies(len(batch[0])))
        states, mask = forward(model, batch, pad)
        features = {"token_embeddings": states, "attention_mask": mask}
        pooled = Pooling(states.shape[-1], pooling)(features)["sentence_embedding"]
        hidden.append(states[mask.bool()])
        embeddings.append(torch.nn.functional.normalize(pooled, dim=1))
    hidden, embeddings = torch.cat(hidden), torch.cat(embeddings)
    generator = torch.Generator().manual_seed(5)
    cotangent = torch.randn(embeddings.shape, generator=generator).double()
    (cotangent * embeddings).sum().backward()
    tensors = {"hidden": hidden, "embeddings": embeddings, "cotangent": cotangent}
    gradients = {name: p.grad for name, p in model.named_parameters()}
    for name, parts in names.items():
        if all(gradients[part] is not None for part in parts):
            tensors["gradient." + name] = torch.cat([gradients[part] for part in parts])
    return tensors


def forward(model, sequences, pad):
    """The last hidden state of a padded batch, which is the peers' way, and which of its tokens are real."""
    longest = max(map(len, sequences))
    ids = torch.tensor([s + [pad] * (longest - len(s)) for s in sequences])
    mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sequences])
    return model(input_ids=ids, attention_mask=mask).last_hidden_state, mask


def write_adapter(folder, kind, sequences, pooling, pad, settings):
    config = peft.LoraConfig(**{"r": 2, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "FEATURE_EXTRACTION"} | settings)
    torch.manual_seed(6)
    model = peft.get_peft_model(kind.from_pretrained(folder), config)
    for name, p in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(p.data, 0.0, 0.2)
    model.save_pretrained(folder / "lora")
    (folder / "lora" / "README.md").unlink(missing_ok=True)
    path = folder / "lora" / "adapter_config.json"
    saved = json.loads(path.read_text()) | {"base_model_name_or_path": folder.name}
    saved["target_modules"] = sorted(saved["target_modules"])
    path.write_text(json.dumps(saved, indent=2, sort_keys=True) + "\n")
    names = {name: [name] for name, p in model.named_parameters() if p.requires_grad}
    tensors = expected(model.double().eval(), names, sequences, pooling, pad)
    del tensors["hidden"]
    tensors = {k.replace(".default.weight", ".weight"): v for k, v in tensors.items()}
    save(tensors, folder / "lora" / "expected.safetensors")


def save(tensors, path, prefix=""):
    """Writes tensors in float32; gradients get the prefix that the file's names have."""
    rounded = {}
    for name, tensor in tensors.items():
        if name.startswith("gradient."):
            name = "gradient." + prefix + name.removeprefix("gradient.")
        rounded[name] = tensor.detach().to(torch.float32).contiguous()
    # One key: the writer would put several in a random order.
    save_file(rounded, path, metadata={"header": json.dumps(fixture.header(*HEADER))})


if __name__ == "__main__":
    main()
