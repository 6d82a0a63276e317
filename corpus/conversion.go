package corpus

import "strings"

// Conversion is `; …` with the command that makes rows with "query" and "pos" of a file whose row has the columns that
// sentence-transformers trains on, such as anchor, positive and negative; empty for other rows. It is for errors about keys
// that such a row lacks.
func Conversion(row Object, file string) string {
	paired := row.Has("positive") || row.Has("negative") || row.Has("negative_1")
	if !paired && !(row.Has("anchor") && (row.Has("label") || row.Has("labels"))) {
		return ""
	}
	if strings.ContainsAny(file, " '") {
		file = "'" + strings.ReplaceAll(file, "'", `'\''`) + "'"
	}
	return "; these are columns of sentence-transformers: convert them with: quarry convert --input " + file + " --to flagembedding --out rows.jsonl"
}
