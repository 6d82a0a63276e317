package vectors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// The .npy format is NumPy Enhancement Proposal 1: magic, version, length of the header, a Python dict literal padded with
// spaces, the data.
const (
	npyMagic     = "\x93NUMPY"
	npyAlignment = 64      // NumPy pads headers so that the data starts at a multiple of this
	npyMaxHeader = 1 << 16 // far more than a matrix needs
	npyGrowth    = 21      // NumPy leaves room for the row count to grow to this many digits
)

// formatNPYHeader is the header that numpy.save writes for float32 rows in C order.
func formatNPYHeader(rows, dim int) []byte {
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, dim)
	dict += strings.Repeat(" ", npyGrowth-len(strconv.Itoa(rows)))
	const fixed = len(npyMagic) + 2 + 2 // with version and length
	total := (fixed + len(dict) + 1 + npyAlignment - 1) / npyAlignment * npyAlignment
	dict += strings.Repeat(" ", total-fixed-len(dict)-1) + "\n"

	header := append([]byte(npyMagic), 1, 0)
	header = binary.LittleEndian.AppendUint16(header, uint16(len(dict)))
	return append(header, dict...)
}

// readNPYHeader reads up to the data and returns the shape and how many bytes the header took.
func readNPYHeader(r io.Reader) (rows, dim, size int, err error) {
	start := make([]byte, len(npyMagic)+2)
	if _, err := io.ReadFull(r, start); err != nil || !bytes.HasPrefix(start, []byte(npyMagic)) {
		return 0, 0, 0, notNPY(err)
	}
	var length int
	switch version := start[len(npyMagic)]; version {
	case 1:
		var field [2]byte
		_, err = io.ReadFull(r, field[:])
		length, size = int(binary.LittleEndian.Uint16(field[:])), len(start)+len(field)
	case 2:
		var field [4]byte
		_, err = io.ReadFull(r, field[:])
		length, size = int(binary.LittleEndian.Uint32(field[:])), len(start)+len(field)
	default:
		return 0, 0, 0, fmt.Errorf(".npy version %d.%d is not known (1 and 2 are)", version, start[len(npyMagic)+1])
	}
	if err != nil {
		return 0, 0, 0, errors.New("the file ends inside its header; it looks truncated")
	}
	if length > npyMaxHeader {
		return 0, 0, 0, fmt.Errorf("the header claims %d bytes; that is no matrix", length)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return 0, 0, 0, errors.New("the file ends inside its header; it looks truncated")
	}
	rows, dim, err = parseNPYHeader(string(text))
	return rows, dim, size + length, err
}

func notNPY(err error) error {
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	return errors.New("not a .npy file (it does not begin with \\x93NUMPY)")
}

// parseNPYHeader reads the dict literal of a header and checks that it describes a float32 matrix in C order.
func parseNPYHeader(text string) (rows, dim int, err error) {
	var descr, order, shape string
	p := literal{text: text}
	p.take("{")
	for p.err == nil && !p.next("}") {
		key := p.quoted()
		p.take(":")
		switch key {
		case "descr":
			descr = p.dtype()
		case "fortran_order":
			order = p.word()
		case "shape":
			shape = p.tuple()
		default:
			p.fail("unknown key %q", key)
		}
		if !p.next(",") && !p.next("}") {
			p.fail("want , or }")
		}
		p.skip(",")
	}
	p.take("}")
	p.space()
	if p.err == nil && p.at != len(p.text) {
		p.fail("text behind the header")
	}
	switch {
	case p.err != nil:
		return 0, 0, p.err
	case descr == "" || order == "" || shape == "":
		return 0, 0, errors.New("the header lacks descr, fortran_order or shape")
	case descr != "<f4":
		return 0, 0, fmt.Errorf("the numbers are %s, want float32 (<f4); convert with .astype(numpy.float32)", describeDType(descr))
	case order == "True":
		return 0, 0, errors.New("the matrix is in Fortran order, want C order; convert with numpy.ascontiguousarray")
	case order != "False":
		return 0, 0, fmt.Errorf("fortran_order is %s, want True or False", order)
	}
	return parseShape(shape)
}

// describeDType puts the common NumPy codes into words.
func describeDType(descr string) string {
	names := map[string]string{
		"<f2": "float16", "<f8": "float64", ">f4": "big-endian float32", "|i1": "int8", "|u1": "uint8", "<i4": "int32", "<i8": "int64", "|b1": "bool",
	}
	if name, ok := names[descr]; ok {
		return name + " (" + descr + ")"
	}
	return descr
}

// parseShape reads `(rows, dim)`, the parentheses removed.
func parseShape(shape string) (rows, dim int, err error) {
	parts := strings.Split(strings.TrimSuffix(strings.TrimSpace(shape), ","), ",")
	if len(parts) != 2 {
		return 0, 0, fmt.Errorf("the shape is (%s), want two dimensions: texts, dim", shape)
	}
	var sizes [2]int
	for i, part := range parts {
		if sizes[i], err = strconv.Atoi(strings.TrimSpace(part)); err != nil || sizes[i] < 0 {
			return 0, 0, fmt.Errorf("the shape is (%s), want two numbers", shape)
		}
	}
	rows, dim = sizes[0], sizes[1]
	if dim == 0 {
		return 0, 0, fmt.Errorf("the shape is (%s): vectors of no numbers", shape)
	}
	if rows > math.MaxInt/4/dim {
		return 0, 0, fmt.Errorf("the shape (%s) is larger than any memory", shape)
	}
	return rows, dim, nil
}
