package hub

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Name is what a model is called on the hub.
type Name struct {
	ID       string // "BAAI/bge-en-icl", or without an owner "gpt2"
	Revision string // a branch, a tag or a commit; empty is main
}

// main is the branch of a name without a revision.
const main = "main"

var (
	// The rule of huggingface_hub for the names of repositories.
	idPattern     = regexp.MustCompile(`^(?:\w(?:[\w\-.]{0,94}\w)?/)?\w(?:[\w\-.]{0,94}\w)?$`)
	commitPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// ParseName reads "owner/name" or "name", with "@revision" behind it or not. Whether there is such a model it does not
// know.
func ParseName(text string) (Name, error) {
	id, revision, given := strings.Cut(text, "@")
	n := Name{ID: id, Revision: revision}
	if !idPattern.MatchString(id) || strings.Contains(id, "--") || strings.Contains(id, "..") || strings.HasSuffix(id, ".git") {
		return Name{}, fmt.Errorf("%q is no name of a model on the hub: want one such as BAAI/bge-en-icl", id)
	}
	if given {
		if err := checkRevision(revision); err != nil {
			return Name{}, fmt.Errorf("revision %q of %s: %w", revision, id, err)
		}
	}
	return n, nil
}

// checkRevision refuses what git takes for no name of a branch or a tag. It becomes the name of a file.
func checkRevision(text string) error {
	if text == "" {
		return errors.New("it is empty: name a branch, a tag or a commit behind the @")
	}
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`\~^:?*[`, r) }
	if strings.ContainsFunc(text, bad) || strings.Contains(text, "..") || strings.Contains(text, "@{") {
		return errors.New("no branch or tag of git has such a name")
	}
	for part := range strings.SplitSeq(text, "/") {
		if part == "" || part[0] == '.' || part[0] == '-' || strings.HasSuffix(part, ".lock") || strings.HasSuffix(part, ".") {
			return errors.New("no branch or tag of git has such a name")
		}
	}
	return nil
}

// String is the name as ParseName reads it.
func (n Name) String() string {
	if n.Revision == "" {
		return n.ID
	}
	return n.ID + "@" + n.Revision
}

// revision is the branch, tag or commit that is meant.
func (n Name) revision() string {
	if n.Revision == "" {
		return main
	}
	return n.Revision
}
