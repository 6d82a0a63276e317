//go:build unix

// Command rate times Encode for bench/run: it encodes every text of JSON lines {"text": …} on standard input,
// all of them once a round, in one goroutine, and prints the processor time of each round and the tokens of one.
//
//	go run ./model/tokenizer/internal/rate [--rounds N] DIR < texts.jsonl
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"github.com/quarry-ml/quarry/model/tokenizer"
)

func main() {
	rounds := flag.Int("rounds", 5, "how often to encode every text")
	flag.Parse()
	runtime.GOMAXPROCS(1)
	if err := run(flag.Arg(0), *rounds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string, rounds int) error {
	t, err := tokenizer.Load(dir)
	if err != nil {
		return err
	}
	texts, err := readTexts(os.Stdin)
	if err != nil {
		return err
	}
	var result struct {
		Seconds []float64 `json:"seconds"`
		Tokens  int       `json:"tokens"`
	}
	for range rounds {
		before, err := processorSeconds()
		if err != nil {
			return err
		}
		result.Tokens = 0
		for _, text := range texts {
			result.Tokens += len(t.Encode(nil, text)) // a fresh list for each text, as the peer makes
		}
		after, err := processorSeconds()
		if err != nil {
			return err
		}
		result.Seconds = append(result.Seconds, after-before)
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func readTexts(r io.Reader) ([]string, error) {
	var texts []string
	for lines := json.NewDecoder(r); ; {
		var line struct {
			Text string `json:"text"`
		}
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return texts, nil
		} else if err != nil {
			return nil, err
		}
		texts = append(texts, line.Text)
	}
}

// processorSeconds is what the process has used so far, the collector's work included.
func processorSeconds() (float64, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9, nil
}
