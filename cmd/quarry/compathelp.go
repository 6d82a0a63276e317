package main

import (
	"fmt"
	"slices"
	"strings"
)

// asksHelp says whether words ask for the help of a mode.
func asksHelp(words []string) bool {
	return slices.Contains(words, "--help") || slices.Contains(words, "-h")
}

// helpOfMode is what a mode's own flags are, a line each, and which of Quarry's stand beside them.
func helpOfMode(mode string) (string, error) {
	var b strings.Builder
	flags := hnMineFlags
	switch mode {
	case compatFlagEmbedding:
		b.WriteString("quarry mine with the flags of FlagEmbedding's hn_mine.py, as it mines: docs/migrate-from-flagembedding.md. Any of them that\nquarry mine has not selects this mode, with or without --compat flagembedding.\n\n")
	case compatSentenceTransformers:
		flags = stMineFlags
		b.WriteString("quarry mine with the parameters of sentence-transformers' mine_hard_negatives, as it mines:\ndocs/migrate-from-sentence-transformers.md.\n\n")
	default:
		return "", badInputf("--compat %s: want %s or %s", mode, compatFlagEmbedding, compatSentenceTransformers)
	}
	ours := false // they stand behind the others
	fmt.Fprintf(&b, "Its flags:\n")
	for _, f := range flags {
		if !ours && f.own {
			ours = true
			fmt.Fprintf(&b, "\nOf Quarry's flags, those that may stand beside them, and no others:\n")
		}
		fmt.Fprintf(&b, "  --%-40s %s\n", f.name, aboutFlag(f))
	}
	return b.String(), nil
}

// aboutFlag is a line on a flag: what it is, what it can be, and what it is where it is absent.
func aboutFlag(f pythonFlag) string {
	about := f.about
	if about == "" {
		about = "no meaning here: " + f.does
	}
	switch {
	case len(f.choices) > 0:
		about += ": " + strings.Join(f.choices, ", ")
	case f.kind == pythonBool && f.does == "":
		about += ": True or False"
	}
	switch {
	case f.needed:
		about += " (needed)"
	case f.standard != "" && f.does == "":
		about += " (" + f.standard + ")"
	}
	return about
}
