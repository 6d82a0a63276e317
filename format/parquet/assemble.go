package parquet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// assembler puts the values of a row's columns together into a JSON object. Each value says how deep it is defined and at
// which level it repeats: "Dremel: Interactive Analysis of Web-Scale Datasets", section 4.
type assembler struct {
	cells [][]parquet.Value // by leaf column: the values that are left
	json  []byte
	path  []string // of the column being read, for errors
	err   error
}

// group appends an object of a group's fields.
func (a *assembler) group(c *parquet.Column) {
	a.json = append(a.json, '{')
	for i, field := range c.Columns() {
		if i > 0 {
			a.json = append(a.json, ',')
		}
		a.json = appendString(a.json, field.Name())
		a.json = append(a.json, ':')
		a.path = append(a.path, field.Name())
		a.value(field)
		if a.err != nil {
			return
		}
		a.path = a.path[:len(a.path)-1]
	}
	a.json = append(a.json, '}')
}

// value appends what a column holds, repeated and null as it may be.
func (a *assembler) value(c *parquet.Column) {
	head, ok := a.head(c)
	if !ok {
		return
	}
	switch {
	case c.Repeated():
		a.list(c, head, a.present)
	case c.Optional() && head.DefinitionLevel() < c.MaxDefinitionLevel():
		a.null(c)
	default:
		a.present(c)
	}
}

// list appends the repetitions of c, each told by element.
func (a *assembler) list(c *parquet.Column, head parquet.Value, element func(*parquet.Column)) {
	if head.DefinitionLevel() < c.MaxDefinitionLevel() {
		a.drop(c)
		a.json = append(a.json, "[]"...)
		return
	}
	a.json = append(a.json, '[')
	for first := true; a.err == nil; first = false {
		if !first {
			if head, ok := a.peek(c); !ok || head.RepetitionLevel() != c.MaxRepetitionLevel() {
				break
			}
			a.json = append(a.json, ',')
		}
		element(c)
	}
	a.json = append(a.json, ']')
}

// present appends what a column holds once it is known to hold something.
func (a *assembler) present(c *parquet.Column) {
	if c.Leaf() {
		head, ok := a.pop(c)
		if !ok {
			return
		}
		var err error
		if a.json, err = appendScalar(a.json, head, c.Type()); err != nil {
			a.fail(err)
		}
		return
	}
	if repeated, wrapped := listOf(c); repeated != nil {
		head, ok := a.head(repeated)
		if !ok {
			return
		}
		element := a.present
		if wrapped {
			element = func(c *parquet.Column) { a.value(c.Columns()[0]) }
		}
		a.list(repeated, head, element)
		return
	}
	a.group(c)
}

// listOf is the repeated child of a LIST or MAP, nil for other groups. The child is mostly a group around the element; old
// writers repeat the element itself, which the format's rules for old lists tell by name and by number of fields.
func listOf(c *parquet.Column) (repeated *parquet.Column, wrapped bool) {
	logical := c.Type().LogicalType()
	if logical == nil || logical.Value == nil {
		return nil, false
	}
	kind := logical.Value.String()
	if kind != "LIST" && kind != "MAP" || len(c.Columns()) != 1 || !c.Columns()[0].Repeated() {
		return nil, false
	}
	repeated = c.Columns()[0]
	wrapped = kind == "LIST" && len(repeated.Columns()) == 1 && repeated.Name() != "array" && repeated.Name() != c.Name()+"_tuple"
	return repeated, wrapped
}

// null appends null and drops the one value that stands for it in every leaf below.
func (a *assembler) null(c *parquet.Column) {
	a.drop(c)
	a.json = append(a.json, "null"...)
}

func (a *assembler) drop(c *parquet.Column) {
	if c.Leaf() {
		a.pop(c)
		return
	}
	for _, field := range c.Columns() {
		a.drop(field)
	}
}

// head is the next value of the first leaf below a column; it tells whether the column is there.
func (a *assembler) head(c *parquet.Column) (parquet.Value, bool) {
	head, ok := a.peek(c)
	if !ok {
		a.fail(errors.New("broken Parquet: the row ends in the middle of a value"))
	}
	return head, ok
}

func (a *assembler) peek(c *parquet.Column) (parquet.Value, bool) {
	for !c.Leaf() {
		if len(c.Columns()) == 0 {
			return parquet.Value{}, false
		}
		c = c.Columns()[0]
	}
	if c.Index() >= len(a.cells) || len(a.cells[c.Index()]) == 0 {
		return parquet.Value{}, false
	}
	return a.cells[c.Index()][0], true
}

func (a *assembler) pop(c *parquet.Column) (parquet.Value, bool) {
	head, ok := a.head(c)
	if ok {
		a.cells[c.Index()] = a.cells[c.Index()][1:]
	}
	return head, ok
}

// checkEmpty finds values that belong to no row.
func (a *assembler) checkEmpty() {
	for i, left := range a.cells {
		if len(left) > 0 {
			a.err = fmt.Errorf("broken Parquet: leaf column %d has %d values too many in a row", i, len(left))
			return
		}
	}
}

// fail keeps the first error, under its column.
func (a *assembler) fail(err error) {
	if a.err == nil {
		a.err = fmt.Errorf("column %q: %w", strings.Join(a.path, "."), err)
	}
}
