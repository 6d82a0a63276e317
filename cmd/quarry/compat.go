package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

// The programs that quarry mine takes the flags of.
const (
	compatFlagEmbedding        = "flagembedding"
	compatSentenceTransformers = "sentence-transformers"
)

// compatibleMode finds --compat among words, and returns its value and the other words.
func compatibleMode(words []string) (mode string, rest []string, named bool) {
	for i := 0; i < len(words); i++ {
		value, attached := strings.CutPrefix(words[i], "--compat=")
		switch {
		case attached:
			mode, named = value, true
		case words[i] == "--compat" && i+1 < len(words):
			i++
			mode, named = words[i], true
		default:
			rest = append(rest, words[i])
		}
	}
	return mode, rest, named
}

// takeMode makes quarry mine read its words as the program that a mode names does.
func takeMode(root *cobra.Command, h *host, mode string, words []string) {
	for _, cmd := range root.Commands() {
		if cmd.Name() != "mine" {
			continue
		}
		cmd.DisableFlagParsing = true
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return mineAs(cmd.Context(), h, mode, words) }
	}
}

func mineAs(ctx context.Context, h *host, mode string, words []string) error {
	if asksHelp(words) {
		help, err := helpOfMode(mode)
		if err != nil {
			return err
		}
		return h.printf("%s", help)
	}
	switch mode {
	case compatFlagEmbedding:
		return runHnMine(ctx, h, words)
	case compatSentenceTransformers:
		return runSTMine(ctx, h, words)
	}
	return badInputf("--compat %s: want %s or %s", mode, compatFlagEmbedding, compatSentenceTransformers)
}
