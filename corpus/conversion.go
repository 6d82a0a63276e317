package corpus

import (
	"path/filepath"
	"strings"
)

// Conversion is `; …` with the command that makes rows with "query" and "pos" of a file whose row has the columns that
// sentence-transformers trains on, such as anchor, positive and negative; empty for other rows. It is for errors about keys
// that such a row lacks.
func Conversion(row Object, file string) string {
	paired := row.Has("positive") || row.Has("negative") || row.Has("negative_1")
	scored := row.Has("label") || row.Has("labels") || row.Has("score") || row.Has("scores")
	if !paired && !(row.Has("anchor") && scored) {
		return ""
	}
	return "; these are columns of sentence-transformers: convert them with: quarry convert --input " + quoted(file) + " --to flagembedding --out rows.jsonl"
}

// judgedApart is `; …` with the command that joins queries with judgments of another file, for a row of queries as a BEIR folder has
// them; empty for other rows.
func judgedApart(row Object, file string) string {
	if !row.Has("_id") || !row.Has("text") || row.Has("query") {
		return ""
	}
	return "; if their judgments stand apart, as in a BEIR folder, join them with: quarry convert --data " + quoted(filepath.Dir(file)) + " --to quarry --out FOLDER"
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if !strings.ContainsAny(path, " '") {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
