// Package torchfile reads the tensors of files that torch.save wrote (pytorch_model.bin), without executing anything.
//
// Since torch 1.6 such a file is a zip archive: data.pkl, a pickle of what was saved, and one entry of bytes for each storage.
// A pickle is a program. Of it this package interprets what a state dict needs, as data; any other name that the program asks
// for is an error. Tensors are views of the mapped file wherever their elements stand in order there. The page
// docs/formats/torch.md describes what is read.
//
// Sources: torch 2.15.0, torch/serialization.py (_save and _load: the archive and its persistent ids), torch/_utils.py (the
// functions named _rebuild_) and torch/_weights_only_unpickler.py (the opcodes that torch takes to be enough for weights);
// CPython's Lib/pickletools.py (what each opcode does).
package torchfile
