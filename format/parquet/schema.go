package parquet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// Schema is the columns that rows of JSON objects take, found by looking at all of them: Add each, then write.
// A key that some rows lack is null there. Whole numbers and fractions together are fractions.
type Schema struct {
	root field
	rows int
}

// kind is what a column holds. unknown is a column of nulls or empty lists so far.
type kind int

const (
	unknown kind = iota
	boolean
	whole
	fraction
	text
	list
	object
)

var kindNames = map[kind]string{boolean: "true or false", whole: "a number", fraction: "a number", text: "a string", list: "a list", object: "an object"}

// field is one column or a part of one.
type field struct {
	name   string
	kind   kind
	first  int      // row, from 1, that the kind was found in
	fields []*field // of an object, in order of appearance; of a list the one element
	exact  bool     // some whole number is beyond what a float64 holds
}

// Add takes the columns of a row. A value of another type than an earlier row has is an error.
func (s *Schema) Add(row []byte) error {
	s.rows++
	decoder := json.NewDecoder(bytes.NewReader(row))
	decoder.UseNumber()
	return s.root.add(decoder, s.rows, nil)
}

// add reads one value of the field.
func (f *field) add(decoder *json.Decoder, row int, path []string) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case nil:
		return nil
	case bool:
		return f.is(boolean, row, path)
	case string:
		return f.is(text, row, path)
	case json.Number:
		return f.number(string(t), row, path)
	}
	if token == json.Delim('[') {
		return f.addList(decoder, row, path)
	}
	if err := f.is(object, row, path); err != nil {
		return err
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		if err := f.at(key.(string)).add(decoder, row, append(path, key.(string))); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}

func (f *field) addList(decoder *json.Decoder, row int, path []string) error {
	if err := f.is(list, row, path); err != nil {
		return err
	}
	for decoder.More() {
		if err := f.at("element").add(decoder, row, path); err != nil {
			return err
		}
	}
	_, err := decoder.Token()
	return err
}

// at is the part of an object or list with a name.
func (f *field) at(name string) *field {
	if i := slices.IndexFunc(f.fields, func(part *field) bool { return part.name == name }); i >= 0 {
		return f.fields[i]
	}
	f.fields = append(f.fields, &field{name: name})
	return f.fields[len(f.fields)-1]
}

// number tells whole numbers from fractions. What int64 does not hold is a fraction, if a float64 holds it.
func (f *field) number(digits string, row int, path []string) error {
	n, k := json.Number(digits), fraction
	if i, err := n.Int64(); err == nil && !strings.ContainsAny(digits, ".eE") {
		k = whole
		f.exact = f.exact || i > 1<<53 || i < -1<<53
	} else if _, err := n.Float64(); err != nil {
		return fmt.Errorf("column %q: the number %s is too large", strings.Join(path, "."), digits)
	}
	if f.kind == whole && k == fraction {
		f.kind = fraction
	}
	if f.kind == fraction && k == whole {
		k = fraction
	}
	if k == fraction && f.exact {
		return fmt.Errorf("column %q: fractions beside whole numbers beyond 2^53, which they would round: save the column as text", strings.Join(path, "."))
	}
	return f.is(k, row, path)
}

func (f *field) is(k kind, row int, path []string) error {
	if f.kind == unknown {
		f.kind, f.first = k, row
	}
	if f.kind != k {
		return fmt.Errorf("column %q holds %s, and %s in row %d: a Parquet column has one type", strings.Join(path, "."), kindNames[k], kindNames[f.kind], f.first)
	}
	return nil
}

// node is the field as the library has it. Everything may be null, as pyarrow writes it. A column without any value is one
// of strings.
func (f *field) node() parquet.Node {
	switch f.kind {
	case boolean:
		return parquet.Optional(parquet.Encoded(parquet.Leaf(parquet.BooleanType), &parquet.Plain))
	case whole:
		return parquet.Optional(parquet.Encoded(parquet.Leaf(parquet.Int64Type), &parquet.Plain))
	case fraction:
		return parquet.Optional(parquet.Encoded(parquet.Leaf(parquet.DoubleType), &parquet.Plain))
	case list:
		return parquet.Optional(parquet.List(f.at("element").node()))
	case object:
		return parquet.Optional(f.group())
	}
	return parquet.Optional(parquet.Encoded(parquet.String(), &parquet.RLEDictionary)) // texts of training rows repeat
}

func (f *field) group() ordered {
	g := ordered{Group: parquet.Group{}}
	for _, part := range f.fields {
		g.Group[part.name] = part.node()
		g.names = append(g.names, part.name)
	}
	return g
}

// ordered is a group whose fields keep their order; the library's sorts them by name. The order of columns tells a trainer
// of sentence-transformers which of them is the query.
type ordered struct {
	parquet.Group
	names []string
}

// Fields implements parquet.Node.
func (g ordered) Fields() []parquet.Field {
	fields := g.Group.Fields()
	slices.SortFunc(fields, func(a, b parquet.Field) int {
		return slices.Index(g.names, a.Name()) - slices.Index(g.names, b.Name())
	})
	return fields
}

// check refuses what no Parquet file can hold.
func (f *field) check(path []string) error {
	if f.kind == object && len(f.fields) == 0 {
		if len(path) == 0 {
			return errors.New("no columns to write")
		}
		return fmt.Errorf("column %q holds objects without keys, which Parquet has no form for", strings.Join(path, "."))
	}
	for _, part := range f.fields {
		if err := part.check(append(path, part.name)); err != nil {
			return err
		}
	}
	return nil
}
