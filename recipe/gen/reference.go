package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/recipe"
)

const introduction = `# Recipe

<!-- Made by go generate ./recipe from the comments in recipe/*.go; change those. -->

A recipe is a YAML file that says what a run does: which files, which model, how to mine, train, measure and choose.
Only the model and the data must be given. ` + "`quarry init`" + ` writes a commented one, ` + "`quarry plan`" + ` shows one with everything filled in.

    model: models/minilm
    data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl}
    rounds:
      - {}
      - mine: {window: 2-100}

Reading is strict: an unknown key, a value of another type or out of its range, a key given twice, or settings that
contradict each other are errors with file and line, all of them at once. Relative paths begin at the recipe's own
folder. Text that looks like a number or a boolean is put in quotes. A key that may be left unset takes null for that;
in a round, null takes back what the section above sets. Anchors and aliases work; merge keys do not.

`

// reference is the whole page.
func reference(source string) ([]byte, error) {
	comments, err := fieldComments(source)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	page.WriteString(introduction)
	keys := recipe.Keys()
	if err := writeTable(&page, "", "Top level", keys, comments); err != nil {
		return nil, err
	}
	for _, key := range keys {
		if !key.Section {
			continue
		}
		title := "`" + key.Path + "`"
		if err := writeTable(&page, key.Path, title, keys, comments); err != nil {
			return nil, err
		}
	}
	return page.Bytes(), nil
}

// writeTable writes the keys that stand directly in one section.
func writeTable(page *bytes.Buffer, section, title string, keys []recipe.Key, comments map[string]string) error {
	fmt.Fprintf(page, "## %s\n\n", title)
	for _, key := range keys {
		if key.Path == section {
			page.WriteString(comments[key.Struct+"."+key.Field])
			if key.Rounds {
				page.WriteString(" A round may override it.")
			}
			page.WriteString("\n\n")
		}
	}
	page.WriteString("| Key | Value | Default | Meaning |\n|---|---|---|---|\n")
	for _, key := range keys {
		parent, name := "", key.Path
		if i := strings.LastIndex(key.Path, "."); i >= 0 {
			parent, name = key.Path[:i], key.Path[i+1:]
		}
		if parent != section {
			continue
		}
		comment, ok := comments[key.Struct+"."+key.Field]
		if !ok {
			return fmt.Errorf("%s.%s has no comment, and the reference needs one", key.Struct, key.Field)
		}
		if key.Section {
			comment += fmt.Sprintf(" See [`%s`](#%s).", key.Path, strings.ReplaceAll(key.Path, ".", ""))
		}
		if section == "" && key.Rounds {
			comment += " *A round may override it.*"
		}
		fmt.Fprintf(page, "| `%s` | %s | %s | %s |\n", name, cell(key.Value), cell(defaultOf(key)), cell(comment))
	}
	page.WriteString("\n")
	return nil
}

func defaultOf(key recipe.Key) string {
	if key.Need {
		return "**must be given**"
	}
	return key.Default
}

// cell keeps a text from ending its table cell.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// fieldComments maps "Struct.Field" to the comment above the field, on one line.
func fieldComments(source string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(source, "*.go"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: %w", source, fs.ErrNotExist)
	}
	comments := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		ast.Inspect(syntax, func(node ast.Node) bool {
			spec, ok := node.(*ast.TypeSpec)
			if !ok {
				return true
			}
			fields, ok := spec.Type.(*ast.StructType)
			if !ok {
				return false
			}
			for _, f := range fields.Fields.List {
				for _, name := range f.Names {
					if text := strings.Join(strings.Fields(f.Doc.Text()), " "); text != "" {
						comments[spec.Name.Name+"."+name.Name] = text
					}
				}
			}
			return false
		})
	}
	return comments, nil
}
