// Package candidates is the file of one round's candidates: for each query its top hits, before anything is chosen, and the
// score and rank of every positive; of several sources those of each besides. Any window, margin or count is replayed from it without the model. Layout and errors:
// docs/formats/candidates.md.
package candidates

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
)

// Version is the newest version of the layout, the newest that this package reads. Candidates of one search over the
// whole corpus are written in version 1, those of other sources in version 2, what an epoch of a training ranks in version 3.
const Version = 3

const (
	magic      = "QRYCAND\x00"
	trailer    = "QRYCEND\x00"
	maxSources = 64
	maxHeader  = 16 << 20 // a prompt with examples may be long; a longer header is a lie
)

// Header says what the candidates were made of. It holds nothing that differs between two runs on the same input.
type Header struct {
	Split         string `json:"split"`                    // train, dev or test
	Round         int    `json:"round"`                    // 0 is the first
	Source        string `json:"source,omitempty"`         // what ranked, where it is not an embedding model alone
	CorpusDigest  string `json:"corpus_digest"`            // of all passages in order: positions mean nothing without it
	QueriesDigest string `json:"queries_digest"`           // of all queries in order
	ModelDigest   string `json:"model_digest"`             // of the model directory, or of the vectors that were given
	Prompt        string `json:"prompt"`                   // the query template, newlines real
	PassagePrompt string `json:"passage_prompt,omitempty"` // the passage template
	Identity      string `json:"identity,omitempty"`       // numeric identity: path, precision, architecture, vendor
	Depth         int    `json:"depth"`                    // hits kept per query; fewer only where the corpus is smaller
	Queries       int    `json:"queries"`                  // records in the file
	Passages      int    `json:"passages"`                 // passages in the corpus

	Sources []Source `json:"sources,omitempty"` // version 2: what ranked, in the order of the records' parts
	Fusion  string   `json:"fusion,omitempty"`  // version 2: how several sources were made one

	Epoch *int `json:"epoch,omitempty"` // version 3: of the round's training, whose model ranked; 0 is before the first
}

// Source is one ranker of a file of version 2.
type Source struct {
	Name          string `json:"name"`             // no two of a file have the same
	Kind          string `json:"kind"`             // dense, bm25, run
	ModelDigest   string `json:"digest,omitempty"` // of the model, the vectors or the run
	Parameters    string `json:"parameters,omitempty"`
	Prompt        string `json:"prompt,omitempty"`
	PassagePrompt string `json:"passage_prompt,omitempty"`
	Identity      string `json:"identity,omitempty"`
}

// version is that of the layout which the header needs.
func (h Header) version() uint32 {
	switch {
	case h.Epoch != nil:
		return 3
	case len(h.Sources) > 0:
		return 2
	}
	return 1
}

// parts is how many sources every record holds beside what was made of them.
func (h Header) parts() int {
	if len(h.Sources) < 2 {
		return 0
	}
	return len(h.Sources)
}

// Validate checks the numbers of a header.
func (h Header) Validate() error {
	switch {
	case h.Depth < 1 || h.Depth > math.MaxInt32:
		return fmt.Errorf("candidates: depth %d, want at least 1", h.Depth)
	case h.Queries < 0 || h.Queries > math.MaxInt32:
		return fmt.Errorf("candidates: %d queries", h.Queries)
	case h.Passages < 1 || h.Passages > math.MaxInt32:
		return fmt.Errorf("candidates: %d passages, want at least 1", h.Passages)
	case h.Round < 0:
		return fmt.Errorf("candidates: round %d", h.Round)
	case h.Epoch != nil && *h.Epoch < 0:
		return fmt.Errorf("candidates: epoch %d", *h.Epoch)
	case h.Epoch != nil && len(h.Sources) > 0:
		return fmt.Errorf("candidates: %d sources of an epoch, which ranks alone", len(h.Sources))
	case h.Fusion != "" && len(h.Sources) < 2:
		return fmt.Errorf("candidates: %d sources for the fusion %q", len(h.Sources), h.Fusion)
	case len(h.Sources) > maxSources:
		return fmt.Errorf("candidates: %d sources, want at most %d", len(h.Sources), maxSources)
	}
	for i, s := range h.Sources {
		if s.Name == "" || slices.ContainsFunc(h.Sources[:i], func(other Source) bool { return other.Name == s.Name }) {
			return fmt.Errorf("candidates: source %d: the name %q is empty or occurs twice", i, s.Name)
		}
	}
	return nil
}

// kept is how many hits every record has.
func (h Header) kept() int { return min(h.Depth, h.Passages) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// marshal is everything before the first record: magic, version, length, JSON and its checksum.
func (h Header) marshal() ([]byte, error) {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false) // prompts hold <instruct> and should read so in the file
	if err := encoder.Encode(h); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(encoded.Bytes(), []byte("\n"))
	if len(text) > maxHeader {
		return nil, fmt.Errorf("candidates: a header of %d bytes; the prompt is too long", len(text))
	}
	b := append([]byte(magic), 0, 0, 0, 0, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(b[len(magic):], h.version())
	binary.LittleEndian.PutUint32(b[len(magic)+4:], uint32(len(text)))
	b = append(b, text...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), nil
}

// readHeader is marshal's inverse. The version is judged before anything that another version might lay out differently.
func readHeader(r io.Reader) (Header, error) {
	start := make([]byte, len(magic)+8)
	if n, err := io.ReadFull(r, start); err != nil {
		if n < len(magic) || string(start[:len(magic)]) != magic {
			return Header{}, errNotCandidates
		}
		return Header{}, errCut
	}
	if string(start[:len(magic)]) != magic {
		return Header{}, errNotCandidates
	}
	version := binary.LittleEndian.Uint32(start[len(magic):])
	if version > Version {
		return Header{}, fmt.Errorf("version %d is newer than this program knows (%d); use a newer Quarry, or search again", version, Version)
	} else if version < 1 {
		return Header{}, errors.New("version 0 does not exist; the file is corrupt")
	}
	length := binary.LittleEndian.Uint32(start[len(magic)+4:])
	if length > maxHeader {
		return Header{}, fmt.Errorf("a header of %d bytes; the file is corrupt", length)
	}
	rest, err := readBytes(r, int(length)+4)
	if err != nil {
		return Header{}, errCut
	}
	text, sum := rest[:length], binary.LittleEndian.Uint32(rest[length:])
	if crc32.Update(crc32.Checksum(start, castagnoli), castagnoli, text) != sum {
		return Header{}, errors.New("the header does not match its checksum; the file is corrupt")
	}
	var h Header
	if err := corpus.DecodeStrict(text, &h); err != nil {
		return Header{}, fmt.Errorf("header: %w", err)
	}
	if h.version() != version {
		return Header{}, fmt.Errorf("%d sources in a file of version %d, whose header has that of version %d; the file is corrupt", len(h.Sources), version, h.version())
	}
	return h, h.Validate()
}

var (
	errNotCandidates = errors.New("not a candidates file (it does not begin with QRYCAND)")
	errCut           = errors.New("the file ends inside its header; it looks truncated")
)
