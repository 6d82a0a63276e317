package torchfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// The opcodes of pickle's protocol 2 that torch.save writes, by their names in CPython's pickletools.
const (
	opMark           = '('
	opStop           = '.'
	opProto          = 0x80
	opNone           = 'N'
	opNewTrue        = 0x88
	opNewFalse       = 0x89
	opBinInt         = 'J'
	opBinInt1        = 'K'
	opBinInt2        = 'M'
	opLong1          = 0x8a
	opBinFloat       = 'G'
	opBinUnicode     = 'X'
	opEmptyTuple     = ')'
	opTuple1         = 0x85
	opTuple2         = 0x86
	opTuple3         = 0x87
	opTuple          = 't'
	opEmptyList      = ']'
	opAppend         = 'a'
	opAppends        = 'e'
	opEmptyDict      = '}'
	opSetItem        = 's'
	opSetItems       = 'u'
	opBinPut         = 'q'
	opLongBinPut     = 'r'
	opBinGet         = 'h'
	opLongBinGet     = 'j'
	opGlobal         = 'c'
	opReduce         = 'R'
	opNewObj         = 0x81
	opBuild          = 'b'
	opBinPersID      = 'Q'
	protocol         = 2
	maxProgram       = 16 << 20 // bytes; a tensor takes about 200
	maxValues        = 1 << 21  // that the program makes; a tensor takes about 15
	maxName          = 256      // bytes of a global's module and name, each
	damagedOrForeign = "the file is damaged, or was not written by torch.save with its default pickle_protocol, 2"
)

var errShort = errors.New("ends in the middle: " + damagedOrForeign)

// machine interprets a pickle. Its memory is bounded by maxProgram and maxValues whatever the program says.
type machine struct {
	program []byte
	at      int // the next byte
	stack   []any
	marks   []int // lengths of the stack at open marks
	memo    map[uint32]any
	made    int // values put on the stack or into the memo
}

// run interprets a pickle of protocol 2 and returns what it leaves.
func run(program []byte) (any, error) {
	if len(program) > maxProgram {
		return nil, fmt.Errorf("has %d bytes, more than the %d that are read: it holds more than a state dict", len(program), maxProgram)
	}
	m := &machine{program: program, memo: map[uint32]any{}}
	for {
		begin := m.at
		op, err := m.byte()
		if err != nil {
			return nil, err
		}
		if op == opStop {
			return m.stop()
		}
		if err := m.step(op); err != nil {
			return nil, fmt.Errorf("byte %d: %w", begin, err)
		}
	}
}

func (m *machine) stop() (any, error) {
	if len(m.stack) != 1 || len(m.marks) > 0 {
		return nil, fmt.Errorf("leaves %d values and %d open marks, not one value: %s", len(m.stack), len(m.marks), damagedOrForeign)
	}
	return m.stack[0], nil
}

// step does one opcode.
func (m *machine) step(op byte) error {
	switch op {
	case opProto:
		return m.proto()
	case opMark:
		m.marks = append(m.marks, len(m.stack))
		return m.count(1)
	case opNone:
		return m.push(nil)
	case opNewTrue, opNewFalse:
		return m.push(op == opNewTrue)
	case opBinInt, opBinInt1, opBinInt2, opLong1:
		return m.integer(op)
	case opBinFloat:
		raw, err := m.take(8)
		if err != nil {
			return err
		}
		return m.push(math.Float64frombits(binary.BigEndian.Uint64(raw)))
	case opBinUnicode:
		return m.text()
	case opEmptyTuple, opTuple1, opTuple2, opTuple3, opTuple:
		return m.tuple(op)
	case opEmptyList:
		return m.push(&list{})
	case opEmptyDict:
		return m.push(&dict{})
	case opAppend, opAppends, opSetItem, opSetItems:
		return m.fill(op)
	case opBinPut, opLongBinPut, opBinGet, opLongBinGet:
		return m.remember(op)
	case opGlobal:
		return m.global()
	case opReduce, opNewObj, opBuild, opBinPersID:
		return m.object(op)
	}
	return fmt.Errorf("opcode %#02x is not one that weights need: %s", op, damagedOrForeign)
}

func (m *machine) proto() error {
	version, err := m.byte()
	if err == nil && version != protocol {
		err = fmt.Errorf("is of pickle's protocol %d, and only %d is read: save it with torch.save's default pickle_protocol", version, protocol)
	}
	return err
}

func (m *machine) integer(op byte) error {
	width := 4
	switch op {
	case opBinInt1:
		width = 1
	case opBinInt2:
		width = 2
	case opLong1:
		n, err := m.byte()
		if err != nil {
			return err
		}
		if width = int(n); width > 8 {
			return fmt.Errorf("a number of %d bytes: %s", width, damagedOrForeign)
		}
	}
	raw, err := m.take(width)
	if err != nil {
		return err
	}
	var whole [8]byte
	if signed := op == opBinInt || op == opLong1; signed && width > 0 && raw[width-1]&0x80 != 0 {
		whole = [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	copy(whole[:], raw)
	value := int64(binary.LittleEndian.Uint64(whole[:]))
	if int64(int(value)) != value {
		return fmt.Errorf("the number %d is beyond this machine's", value)
	}
	return m.push(int(value))
}

func (m *machine) text() error {
	raw, err := m.take(4)
	if err != nil {
		return err
	}
	if raw, err = m.take(int(min(binary.LittleEndian.Uint32(raw), math.MaxInt32))); err != nil {
		return err
	}
	if !utf8.Valid(raw) {
		return errors.New("a text is not valid UTF-8")
	}
	return m.push(string(raw))
}

func (m *machine) tuple(op byte) error {
	var items []any
	var err error
	switch op {
	case opTuple:
		items, err = m.popMark()
	case opEmptyTuple:
	default:
		items, err = m.pop(int(op-opTuple1) + 1)
	}
	if err != nil {
		return err
	}
	return m.push(tuple(items))
}

// fill puts values into the list or dict below them.
func (m *machine) fill(op byte) error {
	var items []any
	var err error
	switch op {
	case opAppend:
		items, err = m.pop(1)
	case opSetItem:
		items, err = m.pop(2)
	default:
		items, err = m.popMark()
	}
	if err != nil {
		return err
	}
	into, err := m.top()
	if err != nil {
		return err
	}
	l, isList := into.(*list)
	d, isDict := into.(*dict)
	switch appends := op == opAppend || op == opAppends; {
	case appends && isList:
		l.items = append(l.items, items...)
	case !appends && isDict && len(items)%2 == 0:
		for i := 0; i < len(items); i += 2 {
			d.items = append(d.items, item{items[i], items[i+1]})
		}
	default:
		return fmt.Errorf("puts values into %s: %s", describe(into), damagedOrForeign)
	}
	return nil
}

// remember keeps the topmost value under a number, or brings back what was kept.
func (m *machine) remember(op byte) error {
	width := 1
	if op == opLongBinPut || op == opLongBinGet {
		width = 4
	}
	raw, err := m.take(width)
	if err != nil {
		return err
	}
	var whole [4]byte
	copy(whole[:], raw)
	index := binary.LittleEndian.Uint32(whole[:])
	if op == opBinGet || op == opLongBinGet {
		v, ok := m.memo[index]
		if !ok {
			return fmt.Errorf("asks for value %d, which was not kept: %s", index, damagedOrForeign)
		}
		return m.push(v)
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	m.memo[index] = v
	return m.count(1)
}

// global reads a name and refuses those that no state dict has.
func (m *machine) global() error {
	module, err := m.line()
	if err != nil {
		return err
	}
	name, err := m.line()
	if err != nil {
		return err
	}
	g := global(module + "." + name)
	if !known(g) {
		return fmt.Errorf("asks for %q, which no state dict needs: nothing in a file is executed here, and this one is not read; "+
			"where it is trusted, save model.state_dict() alone, else open it nowhere", string(g))
	}
	return m.push(g)
}

// object makes a value of what is called with arguments, sets a value's state, or names a storage.
func (m *machine) object(op byte) error {
	if op == opBinPersID {
		id, err := m.pop(1)
		if err != nil {
			return err
		}
		s, err := storageOf(id[0])
		if err != nil {
			return err
		}
		return m.push(s)
	}
	pair, err := m.pop(2)
	if err != nil {
		return err
	}
	if op == opBuild {
		if err := build(pair[0], pair[1]); err != nil {
			return err
		}
		return m.push(pair[0])
	}
	g, isGlobal := pair[0].(global)
	arguments, isTuple := pair[1].(tuple)
	if !isGlobal || !isTuple {
		return fmt.Errorf("calls %s with %s: %s", describe(pair[0]), describe(pair[1]), damagedOrForeign)
	}
	v, err := call(g, arguments)
	if err != nil {
		return fmt.Errorf("%s: %w", g, err)
	}
	return m.push(v)
}

func (m *machine) push(v any) error {
	m.stack = append(m.stack, v)
	return m.count(1)
}

func (m *machine) count(n int) error {
	if m.made += n; m.made > maxValues {
		return fmt.Errorf("makes more than %d values: it holds more than a state dict", maxValues)
	}
	return nil
}

// pop takes n values that stand above the last mark off the stack; they are a copy.
func (m *machine) pop(n int) ([]any, error) {
	floor := 0
	if len(m.marks) > 0 {
		floor = m.marks[len(m.marks)-1]
	}
	from := len(m.stack) - n
	if from < floor {
		return nil, errors.New("takes a value that is not there: " + damagedOrForeign)
	}
	return m.cut(from), nil
}

// popMark takes the last mark and what stands above it.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, errors.New("takes a mark that is not there: " + damagedOrForeign)
	}
	from := m.marks[len(m.marks)-1]
	m.marks = m.marks[:len(m.marks)-1]
	return m.cut(from), nil
}

func (m *machine) cut(from int) []any {
	values := append([]any(nil), m.stack[from:]...)
	clear(m.stack[from:])
	m.stack = m.stack[:from]
	return values
}

// top is the last value above the last mark.
func (m *machine) top() (any, error) {
	if len(m.stack) == 0 || len(m.marks) > 0 && m.marks[len(m.marks)-1] == len(m.stack) {
		return nil, errors.New("needs a value that is not there: " + damagedOrForeign)
	}
	return m.stack[len(m.stack)-1], nil
}

func (m *machine) byte() (byte, error) {
	raw, err := m.take(1)
	if err != nil {
		return 0, err
	}
	return raw[0], nil
}

func (m *machine) take(n int) ([]byte, error) {
	if n > len(m.program)-m.at {
		return nil, errShort
	}
	m.at += n
	return m.program[m.at-n : m.at], nil
}

func (m *machine) line() (string, error) {
	rest := m.program[m.at:]
	n := bytes.IndexByte(rest[:min(len(rest), maxName)], '\n')
	if n < 0 {
		return "", fmt.Errorf("a name does not end within %d bytes: %s", maxName, damagedOrForeign)
	}
	m.at += n + 1
	return string(rest[:n]), nil
}
