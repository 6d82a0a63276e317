package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
)

// TrainedQueriesName is the file of a cross-encoder's directory that says which queries it was trained on. Scores do
// not depend on it, but whether they are asked for does: the model's digest holds it, by config.json or as a file of its own.
const TrainedQueriesName = "quarry_trained.json"

// FoldsName is the file that lists the cross-encoders of a directory that holds one for each fold of the queries.
const FoldsName = "folds.json"

// trainedKey is the key of config.json, of a cross-encoder that has the file, with the file's SHA-256 in hex digits. A
// directory that has lost the file is told by it.
const trainedKey = "quarry_trained"

// trainedVersion is the version of the file that is read and written.
const trainedVersion = 1

// TrainedQueries are digests of queries by their texts without surrounding white space: the first 16 bytes of SHA-256.
type TrainedQueries map[[16]byte]bool

func trainedDigest(query string) [16]byte {
	sum := sha256.Sum256([]byte(corpus.Strip(query)))
	return [16]byte(sum[:16])
}

// Add adds a query.
func (q TrainedQueries) Add(query string) { q[trainedDigest(query)] = true }

// Has says whether a query is among them.
func (q TrainedQueries) Has(query string) bool { return len(q) > 0 && q[trainedDigest(query)] }

// trainedFile is the file's JSON.
type trainedFile struct {
	Version int      `json:"version"`
	Queries []string `json:"queries"` // hex digits, sorted
}

// Encode is the file, the same bytes for the same queries.
func (q TrainedQueries) Encode() []byte {
	f := trainedFile{Version: trainedVersion, Queries: make([]string, 0, len(q))}
	for d := range q {
		f.Queries = append(f.Queries, hex.EncodeToString(d[:]))
	}
	slices.Sort(f.Queries)
	return encodeJSON(f, " ")
}

// digest is the SHA-256 of the file, in hex digits; none is empty.
func (q TrainedQueries) digest() string {
	if len(q) == 0 {
		return ""
	}
	sum := sha256.Sum256(q.Encode())
	return hex.EncodeToString(sum[:])
}

// ParseTrainedQueries reads the file; name stands for it in errors. Anything but what Encode writes is an error: a list that is
// read in part would let a model judge what it was trained on.
func ParseTrainedQueries(raw []byte, name string) (TrainedQueries, error) {
	var f trainedFile
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, notJSON(err))
	}
	if f.Version != trainedVersion {
		return nil, fmt.Errorf("%s: version %d; this program reads version %d", name, f.Version, trainedVersion)
	}
	q := make(TrainedQueries, len(f.Queries))
	for i, text := range f.Queries {
		digest, err := hex.DecodeString(text)
		if err != nil || len(digest) != 16 {
			return nil, fmt.Errorf("%s: query %d is %q, want 32 hex digits", name, i, text)
		}
		q[[16]byte(digest)] = true
	}
	if !bytes.Equal(raw, q.Encode()) {
		return nil, fmt.Errorf("%s: is not as it is written: digests in order, each once", name)
	}
	return q, nil
}

// ReadTrainedQueries reads the file of a cross-encoder's directory. A directory without it is an error: nothing says what its model
// may judge.
func ReadTrainedQueries(dir string) (TrainedQueries, error) {
	name := filepath.Join(dir, TrainedQueriesName)
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("queries that a cross-encoder was trained on: %w", err)
	}
	return ParseTrainedQueries(raw, name)
}
