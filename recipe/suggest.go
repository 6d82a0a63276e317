package recipe

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/agnivade/levenshtein"
)

// suggest names the key that an unknown one may have been meant for: a near one of the same section, or the same or a
// near one of another section.
func suggest(key, path string, fields []field) string {
	var here []string
	for _, f := range fields {
		here = append(here, f.key)
	}
	if near := nearest(key, here, len([]rune(key))/3); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	for _, other := range keyPaths(reflect.TypeFor[Recipe](), "") {
		section, name := split(other)
		if section == path || nearest(key, []string{name}, 1) == "" {
			continue
		}
		if section == "" {
			return fmt.Sprintf("; did you mean %q at the top level?", name)
		}
		return fmt.Sprintf("; did you mean %s?", other)
	}
	if key == "<<" {
		return "; merge keys are not supported: rounds merge with the sections above by themselves"
	}
	return fmt.Sprintf("; known are %s", strings.Join(here, ", "))
}

// didYouMean is the end of a message about an unknown word.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known, len([]rune(word))/3); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// nearest returns the known word that fewest edits make of the given one, at most limit or one; empty where there is
// none.
func nearest(word string, known []string, limit int) string {
	best := ""
	limit = max(1, limit)
	for _, candidate := range known {
		distance := levenshtein.ComputeDistance(normal(word), normal(candidate))
		if distance <= limit {
			best, limit = candidate, distance-1
		}
	}
	return best
}

// normal drops what spellings of one name differ in.
func normal(word string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(word))
}

// keyPaths lists every key path of a section, those of its own first.
func keyPaths(section reflect.Type, path string) []string {
	var own, inner []string
	for _, f := range fieldsOf(section) {
		if f.kind == reflect.TypeFor[[]Stages]() {
			continue
		}
		full := join(path, f.key)
		own = append(own, full)
		switch {
		case isSection(f.kind):
			inner = append(inner, keyPaths(f.kind, full)...)
		case isSectionList(f.kind):
			inner = append(inner, keyPaths(f.kind.Elem(), full)...)
		}
	}
	return append(own, inner...)
}

func split(path string) (section, key string) {
	if i := strings.LastIndex(path, "."); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}
