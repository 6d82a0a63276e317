package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxHeader is the largest header that is read, as in the reference implementation: a hostile length must not allocate.
const maxHeader = 100_000_000

// placed is a header entry: a tensor and its bytes [begin, end), counted from the end of the header.
type placed struct {
	name       string
	dtype      DType
	shape      []int
	begin, end int
}

// split separates a file into its JSON header and its data, checking the length that the first eight bytes state.
func split(file []byte) (header, data []byte, err error) {
	if len(file) < 8 {
		return nil, nil, fmt.Errorf("holds %d bytes, too few for a safetensors file; it is truncated or something else", len(file))
	}
	stated := binary.LittleEndian.Uint64(file)
	if stated > maxHeader {
		return nil, nil, fmt.Errorf("header length %d is above the limit of %d bytes; this is not a safetensors file", stated, maxHeader)
	}
	if stated > uint64(len(file)-8) {
		return nil, nil, fmt.Errorf("header length %d, but only %d bytes follow; the file is truncated", stated, len(file)-8)
	}
	n := int(stated)
	return file[8 : 8+n], file[8+n:], nil
}

// parseHeader reads the entries in header order, and the free-form metadata. Sizes are not yet checked.
func parseHeader(header []byte) ([]placed, map[string]string, error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, errors.New("header does not begin with '{'; this is not a safetensors file")
	}
	if !utf8.Valid(header) {
		return nil, nil, errors.New("header is not valid UTF-8")
	}
	d := newDecoder(header)
	var entries []placed
	var metadata map[string]string
	err := d.object(func(name string) error {
		if name == "__metadata__" {
			var err error
			metadata, err = d.metadata()
			return wrap("__metadata__", err)
		}
		entry := placed{name: name}
		entries = append(entries, entry)
		return wrap(fmt.Sprintf("tensor %q", name), d.entry(&entries[len(entries)-1]))
	})
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	return entries, metadata, nil
}

// layOut checks that the entries fill the data exactly, without gap or overlap, and returns them in the data's order.
func layOut(entries []placed, dataLength int) ([]placed, error) {
	for _, e := range entries {
		size, err := byteSize(e.dtype, e.shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.name, err)
		}
		if e.end < e.begin {
			return nil, fmt.Errorf("tensor %q: data_offsets [%d %d] run backwards", e.name, e.begin, e.end)
		}
		if e.end-e.begin != size {
			return nil, fmt.Errorf("tensor %q: shape %v of %s needs %d bytes, data_offsets [%d %d] hold %d",
				e.name, e.shape, e.dtype, size, e.begin, e.end, e.end-e.begin)
		}
	}
	slices.SortStableFunc(entries, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	end, last := 0, ""
	for _, e := range entries {
		if e.begin < end {
			return nil, fmt.Errorf("tensor %q at byte %d overlaps tensor %q, which ends at %d", e.name, e.begin, last, end)
		}
		if e.begin > end {
			return nil, fmt.Errorf("tensor %q begins at byte %d, leaving a gap of %d bytes before it", e.name, e.begin, e.begin-end)
		}
		end, last = e.end, e.name
	}
	if end > dataLength {
		return nil, fmt.Errorf("tensor %q ends at byte %d of %d; the file is truncated", last, end, dataLength)
	}
	if end < dataLength {
		return nil, fmt.Errorf("%d bytes after the last tensor belong to none", dataLength-end)
	}
	return entries, nil
}

// entry reads {"dtype": …, "shape": […], "data_offsets": [begin, end]}, each key once.
func (d *decoder) entry(e *placed) error {
	var offsets []int
	present := 0
	err := d.object(func(key string) (err error) {
		present++
		switch key {
		case "dtype":
			var name string
			name, err = d.text()
			e.dtype = DType(name)
		case "shape":
			e.shape, err = d.integers()
		case "data_offsets":
			offsets, err = d.integers()
		default:
			return fmt.Errorf("unknown key %q", key)
		}
		return wrap(key, err)
	})
	if err != nil {
		return err
	}
	if present != 3 {
		return errors.New("needs dtype, shape and data_offsets")
	}
	if len(offsets) != 2 {
		return fmt.Errorf("data_offsets has %d numbers, not 2", len(offsets))
	}
	e.begin, e.end = offsets[0], offsets[1]
	return nil
}

// metadata reads an object of texts, or null, which stands for none.
func (d *decoder) metadata() (map[string]string, error) {
	token, err := d.next()
	if err != nil || token == nil {
		return nil, err
	}
	if token != json.Delim('{') {
		return nil, fmt.Errorf("found %v where { belongs", token)
	}
	metadata := map[string]string{}
	return metadata, d.fields(func(key string) error {
		value, err := d.text()
		metadata[key] = value
		return wrap(strconv.Quote(key), err)
	})
}

// decoder reads JSON by tokens, because encoding/json alone lets a second value of a key replace the first.
type decoder struct{ *json.Decoder }

func newDecoder(raw []byte) *decoder {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return &decoder{d}
}

// object reads an object, calling field at each value; a key that comes twice is an error.
func (d *decoder) object(field func(key string) error) error {
	if err := d.delimiter('{'); err != nil {
		return err
	}
	return d.fields(field)
}

// fields is object behind its brace.
func (d *decoder) fields(field func(key string) error) error {
	seen := map[string]bool{}
	for d.More() {
		key, err := d.text()
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("name %q comes twice", key)
		}
		seen[key] = true
		if err := field(key); err != nil {
			return err
		}
	}
	return d.delimiter('}')
}

func (d *decoder) text() (string, error) {
	token, err := d.next()
	if err != nil {
		return "", err
	}
	text, ok := token.(string)
	if !ok {
		return "", fmt.Errorf("found %v where a string belongs", token)
	}
	return text, nil
}

// integers reads an array of numbers that are whole, not negative and fit an int.
func (d *decoder) integers() ([]int, error) {
	if err := d.delimiter('['); err != nil {
		return nil, err
	}
	values := []int{}
	for d.More() {
		token, err := d.next()
		if err != nil {
			return nil, err
		}
		number, ok := token.(json.Number)
		if !ok {
			return nil, fmt.Errorf("found %v where a number belongs", token)
		}
		value, err := strconv.ParseUint(number.String(), 10, strconv.IntSize-1)
		if err != nil {
			return nil, fmt.Errorf("%s is not a count of elements or bytes", number)
		}
		values = append(values, int(value))
	}
	return values, d.delimiter(']')
}

func (d *decoder) delimiter(want json.Delim) error {
	token, err := d.next()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("found %v where %v belongs", token, want)
	}
	return nil
}

// next is Token, with the end of input reported as an error in the middle of a value.
func (d *decoder) next() (json.Token, error) {
	token, err := d.Token()
	if err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	}
	return token, err
}

// end checks that only white space follows.
func (d *decoder) end() error {
	if token, err := d.Token(); err != io.EOF {
		return fmt.Errorf("holds more after its closing brace (%v)", token)
	}
	return nil
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
