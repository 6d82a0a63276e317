package safetensors

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// Entry is a tensor to be written. Write sends exactly the bytes that type and shape ask for, little-endian and
// row-major, when their turn comes: no more than one tensor need be in memory.
type Entry struct {
	Name  string
	DType DType
	Shape []int
	Write func(w io.Writer) error
}

// Size returns the bytes of the tensor, or an error for an unknown type or an impossible shape.
func (e Entry) Size() (int, error) { return byteSize(e.DType, e.Shape) }

// Copy returns the entry that writes a tensor's bytes as they are.
func Copy(t Tensor) Entry {
	return Entry{Name: t.Name, DType: t.DType, Shape: t.Shape, Write: func(w io.Writer) error {
		_, err := w.Write(t.Data)
		return err
	}}
}

// Float32 returns the entry that writes values as F32.
func Float32(name string, shape []int, values []float32) Entry {
	return Entry{Name: name, DType: F32, Shape: shape, Write: func(w io.Writer) error {
		return WriteFloat32s(w, values)
	}}
}

// WriteFloat32s writes values little-endian, through a small buffer.
func WriteFloat32s(w io.Writer, values []float32) error {
	buffer := make([]byte, 0, 4*min(len(values), 16384))
	for len(values) > 0 {
		n := min(len(values), 16384)
		buffer = buffer[:0]
		for _, v := range values[:n] {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

// Write writes a file of the entries, in their order, with the given metadata (nil means {"format": "pt"}, which the
// Hugging Face libraries ask for). The same entries give the same bytes. The header is padded with spaces so that the
// data begins at a multiple of eight.
func Write(w io.Writer, entries []Entry, metadata map[string]string) error {
	header, err := encodeHeader(entries, metadata)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(w, 1<<16)
	if _, err := buffered.Write(header); err != nil {
		return err
	}
	for _, e := range entries {
		if err := writeEntry(buffered, e); err != nil {
			return fmt.Errorf("write tensor %q: %w", e.Name, err)
		}
	}
	return buffered.Flush()
}

// encodeHeader returns the length, the JSON header and its padding.
func encodeHeader(entries []Entry, metadata map[string]string) ([]byte, error) {
	if metadata == nil {
		metadata = map[string]string{"format": "pt"}
	}
	out := bytes.NewBuffer(make([]byte, 8))
	out.WriteString(`{"__metadata__":`)
	appendJSON(out, metadata)
	seen := map[string]bool{"__metadata__": true}
	offset := 0
	for _, e := range entries {
		if seen[e.Name] {
			return nil, fmt.Errorf("tensor name %q comes twice or is reserved", e.Name)
		}
		seen[e.Name] = true
		size, err := e.Size()
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.Name, err)
		}
		shape := e.Shape
		if shape == nil {
			shape = []int{}
		}
		out.WriteByte(',')
		appendJSON(out, e.Name)
		out.WriteByte(':')
		appendJSON(out, struct {
			DType   DType  `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}{e.DType, shape, [2]int{offset, offset + size}})
		offset += size
	}
	out.WriteByte('}')
	for out.Len()%8 != 0 {
		out.WriteByte(' ')
	}
	if out.Len()-8 > maxHeader {
		return nil, fmt.Errorf("header of %d bytes is above the format's limit of %d", out.Len()-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(out.Bytes(), uint64(out.Len()-8))
	return out.Bytes(), nil
}

// appendJSON writes a string, a map of strings (keys sorted) or a header entry: values whose encoding cannot fail.
func appendJSON(out *bytes.Buffer, value any) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	out.Truncate(out.Len() - 1) // the encoder ends each value with a newline
}

func writeEntry(w io.Writer, e Entry) error {
	size, err := e.Size()
	if err != nil {
		return err
	}
	counted := &countingWriter{w: w, left: size}
	if err := e.Write(counted); err != nil {
		return err
	}
	if counted.left != 0 {
		return fmt.Errorf("%d of its %d bytes were not written", counted.left, size)
	}
	return nil
}

var errTooManyBytes = errors.New("more bytes than its shape holds")

// countingWriter refuses what exceeds the bytes left, so that a faulty entry cannot shift those after it.
type countingWriter struct {
	w    io.Writer
	left int
}

func (c *countingWriter) Write(p []byte) (int, error) {
	if len(p) > c.left {
		return 0, errTooManyBytes
	}
	n, err := c.w.Write(p)
	c.left -= n
	return n, err
}
