package vectors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"unsafe"

	"github.com/edsrzf/mmap-go"
)

// ReadNPY reads a float32 matrix in C order from a .npy file of version 1 or 2; name is the file's name in errors. Another
// type, order, number of dimensions or size of the data is an error.
func ReadNPY(r io.Reader, name string) (Matrix, error) {
	rows, dim, _, err := readNPYHeader(r)
	if err != nil {
		return Matrix{}, fmt.Errorf("%s: %w", name, err)
	}
	// The matrix grows with what is really there: a header may claim any size.
	const block = 1 << 20
	m := Matrix{Rows: rows, Dim: dim}
	buffer := make([]byte, block)
	for left := rows * dim * 4; left > 0; {
		n, err := io.ReadFull(r, buffer[:min(left, block)])
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return Matrix{}, truncated(name, m, len(m.Data)*4+n)
		}
		if err != nil {
			return Matrix{}, fmt.Errorf("%s: %w", name, err)
		}
		m.Data = append(m.Data, decodeFloats(buffer[:n])...)
		left -= n
	}
	if n, err := r.Read(buffer[:1]); n > 0 {
		return Matrix{}, fmt.Errorf("%s: data behind the last of %d rows of %d numbers", name, rows, dim)
	} else if err != nil && err != io.EOF {
		return Matrix{}, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// Mapped is a matrix that lies in a mapped file. Its Data is read-only and gone after Close.
type Mapped struct {
	Matrix
	pages mmap.MMap
}

// OpenNPY maps a .npy file, so that matrices larger than memory can be searched. The file is checked as ReadNPY does.
func OpenNPY(path string) (*Mapped, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err // it names the path
	}
	defer f.Close() // the mapping outlives the descriptor
	return MapNPY(f, path)
}

// MapNPY is OpenNPY of a file that is open for reading; name is the file's name in errors.
func MapNPY(f *os.File, name string) (*Mapped, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() || info.Size() == 0 {
		return nil, fmt.Errorf("%s: an empty file or a folder, not a .npy file", name)
	}
	pages, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: map: %w", name, err)
	}
	m, err := view(pages, name)
	if err != nil {
		pages.Unmap()
		return nil, err
	}
	return &Mapped{m, pages}, nil
}

// Close unmaps the file; the matrix must not be used afterwards.
func (m *Mapped) Close() error {
	if m.pages == nil {
		return nil
	}
	m.Matrix = Matrix{}
	return m.pages.Unmap() // leaves pages nil
}

// view is the matrix in the bytes of a whole file.
func view(file []byte, name string) (Matrix, error) {
	rows, dim, size, err := readNPYHeader(bytes.NewReader(file))
	if err != nil {
		return Matrix{}, fmt.Errorf("%s: %w", name, err)
	}
	m := Matrix{Rows: rows, Dim: dim}
	data := file[size:]
	if len(data) < rows*dim*4 {
		return Matrix{}, truncated(name, m, len(data))
	}
	if len(data) > rows*dim*4 {
		return Matrix{}, fmt.Errorf("%s: %d bytes behind the last of %d rows of %d numbers", name, len(data)-rows*dim*4, rows, dim)
	}
	if len(data) == 0 {
		return m, nil
	}
	if start := unsafe.Pointer(&data[0]); littleEndian && uintptr(start)%4 == 0 {
		m.Data = unsafe.Slice((*float32)(start), rows*dim)
	} else {
		m.Data = decodeFloats(data) // old headers are padded to 16 bytes or not at all
	}
	return m, nil
}

func truncated(name string, m Matrix, bytes int) error {
	return fmt.Errorf("%s: %d bytes of data, want %d for %d rows of %d numbers; the file looks truncated", name, bytes, m.Rows*m.Dim*4, m.Rows, m.Dim)
}

func decodeFloats(data []byte) []float32 {
	floats := make([]float32, len(data)/4)
	for i := range floats {
		floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return floats
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1
