package rundir

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
)

// FormatVersion is the version of the run directory that this package reads and writes. A change of meaning or place of
// any file in it raises it.
const FormatVersion = 1

// Source is a file or directory that a run reads and did not make.
type Source struct {
	Name   string `json:"name"`   // the path as the recipe writes it, so that it is the same from any working directory
	Digest string `json:"digest"` // SHA-256 of its bytes, hex; of a model, ModelDigest
}

// formatRecord is the content of quarry.json.
type formatRecord struct {
	Format   int      `json:"format"`
	Identity string   `json:"identity,omitempty"`
	Earlier  []string `json:"earlier_identities,omitempty"` // that it went on from with AllowIdentityChange; sorted. Work done under them counts
	Data     []Source `json:"data,omitempty"`               // sorted by name; every file that any recipe run here has named
}

// IdentityError says that a run directory was computed under another numeric identity than the process has. Which flags
// do what it advises is the program's to add.
type IdentityError struct {
	Dir      string
	Was, Now string
}

// Error implements error.
func (e *IdentityError) Error() string {
	return fmt.Sprintf("run directory %s was computed as %q and this process computes as %q: its numbers would differ in the last bits: use the same processor path and precision (precision: in the recipe), choose another directory, or allow the identity to change",
		e.Dir, e.Was, e.Now)
}

// RecipeError says that a run directory is another recipe's, whose stages a run would replace.
type RecipeError struct {
	Dir      string
	Was, Now string // names of the recipes
}

// Error implements error.
func (e *RecipeError) Error() string {
	return fmt.Sprintf("run directory %s is of the recipe %q, and this one is called %q: what the other has made would be replaced: choose another directory with --dir, or, if it is the same recipe under a new name, write `name: %s` in it",
		e.Dir, e.Was, e.Now, e.Was)
}

// checkRecipe refuses a directory of a recipe of another name.
func (d *Dir) checkRecipe(name string) error {
	if name == "" {
		return nil
	}
	was, err := d.RecipeName()
	if err == nil && was != "" && was != name {
		err = &RecipeError{Dir: string(d.Layout), Was: was, Now: name}
	}
	return err
}

// Sources are the data files that the runs in the directory were made from, as recipes wrote them, sorted by name.
func (d *Dir) Sources() ([]Source, error) {
	record, err := readFormat(d.FS, d.Format())
	return record.Data, err
}

// checkFormat reads quarry.json and compares it with what the command is about to do.
func (d *Dir) checkFormat(o OpenOptions) (formatRecord, error) {
	record, err := readFormat(d.FS, d.Format())
	if err != nil {
		return record, err
	}
	if err := d.checkRecipe(o.Recipe); err != nil {
		return record, err
	}
	for _, source := range o.Data {
		known, found := lookUp(record.Data, source.Name)
		if found && known.Digest != source.Digest {
			advice := "give the changed file a new name, or choose another directory with --dir"
			if o.ReadOnly {
				advice = "put back the file that the run was made from"
			}
			return record, fmt.Errorf("run directory %s was made from other data: %s has digest %s now and had %s: %s",
				d.Layout, source.Name, short(source.Digest), short(known.Digest), advice)
		}
	}
	if o.Identity != "" && record.Identity != "" && o.Identity != record.Identity && !o.AllowIdentityChange {
		return record, &IdentityError{Dir: string(d.Layout), Was: record.Identity, Now: o.Identity}
	}
	d.earlier = record.Earlier
	if d.identity == "" { // a command that computes nothing stamps in the directory's name
		d.identity = record.Identity
	}
	return record, nil
}

// updateFormat writes quarry.json when it does not yet say what it should.
func (d *Dir) updateFormat(record formatRecord, o OpenOptions) error {
	updated := formatRecord{Format: FormatVersion, Identity: record.Identity, Earlier: slices.Clone(record.Earlier), Data: slices.Clone(record.Data)}
	if o.Identity != "" && o.Identity != record.Identity {
		updated.Identity = o.Identity
		if record.Identity != "" { // checkFormat has seen that the change is allowed
			updated.Earlier = append(updated.Earlier, record.Identity)
			slices.Sort(updated.Earlier)
			updated.Earlier = slices.Compact(updated.Earlier)
		}
		d.earlier = updated.Earlier
	}
	for _, source := range o.Data {
		if _, found := lookUp(updated.Data, source.Name); !found {
			updated.Data = append(updated.Data, source)
		}
	}
	slices.SortFunc(updated.Data, func(a, b Source) int { return cmp.Compare(a.Name, b.Name) })
	if updated.Format == record.Format && updated.Identity == record.Identity && len(updated.Data) == len(record.Data) {
		return nil
	}
	return WriteJSON(d.FS, d.Format(), updated)
}

// readFormat reads quarry.json; a missing one is a zero record.
func readFormat(fsys FS, path string) (record formatRecord, err error) {
	content, err := ReadFile(fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return record, nil
	}
	if err != nil {
		return record, fmt.Errorf("run directory: %w", err)
	}
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(content, &version); err != nil {
		return record, fmt.Errorf("%s: not the file of a run directory: %w", path, err)
	}
	switch {
	case version.Format > FormatVersion:
		return record, fmt.Errorf("%s: format %d is newer than this quarry knows (%d): update quarry, or choose another directory",
			path, version.Format, FormatVersion)
	case version.Format < 1:
		return record, fmt.Errorf("%s: format %d: not the file of a run directory", path, version.Format)
	}
	return record, ParseJSON(path, content, &record)
}

// WriteJSON writes v as indented JSON, as WriteFile does. Struct fields keep their order and map keys are sorted, so
// equal values give equal bytes.
func WriteJSON(fsys FS, path string, v any) error {
	return WriteFile(fsys, path, func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(v)
	})
}

// ReadJSON reads a JSON file into v; unknown keys and anything after the value are errors that name the file.
func ReadJSON(fsys FS, path string, v any) error {
	content, err := ReadFile(fsys, path)
	if err != nil {
		return err
	}
	return ParseJSON(path, content, v)
}

// ParseJSON decodes the content of a JSON file into v; unknown keys and anything after the value are errors that name it.
func ParseJSON(path string, content []byte, v any) error {
	return JSONError(path, corpus.DecodeStrict(content, v))
}

// JSONError is what is wrong with a JSON file that a decoder could not read, nil where nothing is. Of a file that ends too early it says so.
func JSONError(path string, err error) error {
	err = corpus.DecodeError(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, corpus.ErrJSONCut):
		return fmt.Errorf("%s: the file is cut short: %w", path, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}

func lookUp(sources []Source, name string) (Source, bool) {
	i := slices.IndexFunc(sources, func(s Source) bool { return s.Name == name })
	if i < 0 {
		return Source{}, false
	}
	return sources[i], true
}

// short abbreviates a digest for a message.
func short(digest string) string { return digest[:min(12, len(digest))] }
