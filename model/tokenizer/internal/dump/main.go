// Command dump prints token ids for parity/tokenizers_live.py: a JSON array a line for each JSON line {"text": …}.
//
//	go run ./model/tokenizer/internal/dump DIR < texts.jsonl
//	go run ./model/tokenizer/internal/dump --learn SIZE DIR < texts.jsonl    # writes a learned vocabulary instead
//
// With --specials N the template's tokens stand around the ids, cut to N.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/quarry-ml/quarry/model/tokenizer"
)

func main() {
	learn := flag.Int("learn", 0, "learn a vocabulary of this size and write it to DIR")
	specials := flag.Int("specials", 0, "add special tokens, cutting to this length")
	flag.Parse()
	run := func() error { return dump(flag.Arg(0), *specials) }
	if *learn > 0 {
		run = func() error { return learnTo(flag.Arg(0), *learn) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func dump(dir string, specials int) error {
	t, err := tokenizer.Load(dir)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	encode := json.NewEncoder(out)
	ids := []int32{}
	err = eachText(func(text string) error {
		ids = t.Encode(ids[:0], text)
		if specials > 0 {
			return encode.Encode(t.WithSpecials([]int32{}, ids, specials))
		}
		return encode.Encode(ids)
	})
	return errors.Join(err, out.Flush())
}

func learnTo(dir string, size int) error {
	var texts []string
	err := eachText(func(text string) error {
		texts = append(texts, text)
		return nil
	})
	if err != nil {
		return err
	}
	learned, err := tokenizer.LearnWordPiece(texts, size)
	if err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer) error{
		"tokenizer.json":        learned.WriteTokenizer,
		"vocab.txt":             learned.WriteVocabulary,
		"tokenizer_config.json": learned.WriteConfig,
	} {
		f, err := os.Create(dir + "/" + name)
		if err != nil {
			return err
		}
		if err := errors.Join(write(f), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func eachText(use func(text string) error) error {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	decode := json.NewDecoder(in)
	for {
		var line struct {
			Text string `json:"text"`
		}
		if err := decode.Decode(&line); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := use(line.Text); err != nil {
			return err
		}
	}
}
