// Package tfevents writes the event files that TensorBoard reads: records of protocol buffers, framed as TFRecord. What is
// in them: docs/formats/tensorboard.md.
package tfevents

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
)

// FileName is a name by which TensorBoard finds an event file in a directory. Its own names have the time and the host in
// them, which would make two exports of one run differ.
const FileName = "events.out.tfevents.0.quarry"

// Scalar is one value of a curve.
type Scalar struct {
	Tag   string // the curve's name
	Value float32
}

// Writer writes an event file.
type Writer struct{ out io.Writer }

// NewWriter begins an event file: the first record says of which version it is.
func NewWriter(w io.Writer) (*Writer, error) {
	events := &Writer{w}
	return events, events.record(text(nil, fieldFileVersion, "brain.Event:2"))
}

// Text is words that TensorBoard shows under Text, as Markdown.
type Text struct {
	Tag   string
	Words string
}

// Write writes the values of one step, and behind them texts. Steps are to rise. Events have wall time 0: what they tell of is
// when in the training, not when by the clock.
func (w *Writer) Write(step int64, values []Scalar, texts ...Text) error {
	var summary []byte
	for _, s := range values {
		value := text(nil, fieldTag, s.Tag)
		value = binary.LittleEndian.AppendUint32(key(value, fieldSimpleValue, wireFixed32), math.Float32bits(s.Value))
		summary = bytesField(summary, fieldValue, value)
	}
	for _, t := range texts {
		value := text(nil, fieldTag, t.Tag)
		value = bytesField(value, fieldTensor, oneString(t.Words))
		summary = bytesField(summary, fieldValue, bytesField(value, fieldMetadata, textMetadata()))
	}
	var event []byte
	if step != 0 { // proto3 leaves out what is zero
		event = binary.AppendUvarint(key(event, fieldStep, wireVarint), uint64(step))
	}
	return w.record(bytesField(event, fieldSummary, summary))
}

// oneString is a tensor of one string: [1].
func oneString(words string) []byte {
	const dtString = 7
	tensor := binary.AppendUvarint(key(nil, fieldDType, wireVarint), dtString)
	dim := binary.AppendUvarint(key(nil, fieldSize, wireVarint), 1)
	tensor = bytesField(tensor, fieldShape, bytesField(nil, fieldDim, dim))
	return text(tensor, fieldStringVal, words)
}

// textMetadata has TensorBoard show a tensor as text.
func textMetadata() []byte {
	return bytesField(nil, fieldPluginData, text(nil, fieldPluginName, "text"))
}

// The fields of tensorflow.Event, Summary, Summary.Value, TensorProto and SummaryMetadata that are written, and how protocol
// buffers encode them.
const (
	fieldStep        = 2 // Event
	fieldFileVersion = 3
	fieldSummary     = 5
	fieldValue       = 1 // Summary
	fieldTag         = 1 // Summary.Value
	fieldSimpleValue = 2
	fieldTensor      = 8
	fieldMetadata    = 9
	fieldDType       = 1 // TensorProto
	fieldShape       = 2
	fieldStringVal   = 8
	fieldDim         = 2 // TensorShapeProto
	fieldSize        = 1 // TensorShapeProto.Dim
	fieldPluginData  = 1 // SummaryMetadata
	fieldPluginName  = 1 // SummaryMetadata.PluginData

	wireVarint  = 0
	wireBytes   = 2
	wireFixed32 = 5
)

func key(b []byte, field, wire uint64) []byte { return binary.AppendUvarint(b, field<<3|wire) }

func bytesField(b []byte, field uint64, content []byte) []byte {
	b = binary.AppendUvarint(key(b, field, wireBytes), uint64(len(content)))
	return append(b, content...)
}

func text(b []byte, field uint64, s string) []byte { return bytesField(b, field, []byte(s)) }

// record frames one event as TFRecord: its length and its bytes, each with a masked CRC-32C behind it.
func (w *Writer) record(event []byte) error {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	framed := binary.LittleEndian.AppendUint32(length, masked(length))
	framed = append(framed, event...)
	framed = binary.LittleEndian.AppendUint32(framed, masked(event))
	_, err := w.out.Write(framed)
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the checksum as TFRecord stores it: turned and shifted, so that one over data with checksums in it stays one.
func masked(data []byte) uint32 {
	sum := crc32.Checksum(data, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}
