package parquet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// appendScalar appends a value as JSON: numbers and booleans as such, texts, dates and times as strings, JSON as what it says.
func appendScalar(b []byte, v parquet.Value, t parquet.Type) ([]byte, error) {
	var logical format.LogicalTypeValue
	if l := t.LogicalType(); l != nil {
		logical = l.Value
	}
	if v.IsNull() {
		return append(b, "null"...), nil
	}
	switch v.Kind() {
	case parquet.Boolean:
		return strconv.AppendBool(b, v.Boolean()), nil
	case parquet.Int32, parquet.Int64:
		return appendWhole(b, v, logical), nil
	case parquet.Int96:
		return appendTime(b, julianTime(v), true), nil
	case parquet.Float:
		return appendFloat(b, float64(v.Float()), 32)
	case parquet.Double:
		return appendFloat(b, v.Double(), 64)
	}
	return appendBytes(b, v.ByteArray(), logical)
}

func appendWhole(b []byte, v parquet.Value, logical format.LogicalTypeValue) []byte {
	signed := v.Int64()
	if v.Kind() == parquet.Int32 {
		signed = int64(v.Int32())
	}
	switch t := logical.(type) {
	case *format.IntType:
		if !t.IsSigned && v.Kind() == parquet.Int32 {
			return strconv.AppendUint(b, uint64(v.Uint32()), 10)
		}
		if !t.IsSigned {
			return strconv.AppendUint(b, v.Uint64(), 10)
		}
	case *format.DateType:
		return time.Unix(0, 0).UTC().AddDate(0, 0, int(signed)).AppendFormat(b, `"2006-01-02"`)
	case *format.TimestampType:
		return appendTime(b, timeOf(signed, t.Unit), t.IsAdjustedToUTC)
	case *format.TimeType:
		return timeOf(signed, t.Unit).AppendFormat(b, `"15:04:05.999999999"`)
	case *format.DecimalType:
		return appendDecimal(b, big.NewInt(signed), t.Scale)
	}
	return strconv.AppendInt(b, signed, 10)
}

func appendBytes(b, value []byte, logical format.LogicalTypeValue) ([]byte, error) {
	switch t := logical.(type) {
	case *format.DecimalType:
		return appendDecimal(b, twosComplement(value), t.Scale), nil
	case *format.UUIDType:
		if len(value) == 16 {
			return fmt.Appendf(b, `"%x-%x-%x-%x-%x"`, value[:4], value[4:6], value[6:8], value[8:10], value[10:]), nil
		}
	}
	if !utf8.Valid(value) {
		return b, errors.New("the value is not UTF-8: leave the column out, or save it as text")
	}
	if _, ok := logical.(*format.JsonType); ok {
		return appendJSON(b, value)
	}
	return appendString(b, string(value)), nil
}

// appendJSON appends a value that is JSON, as fastparquet writes lists and dicts, on one line.
func appendJSON(b, value []byte) ([]byte, error) {
	var one bytes.Buffer
	if err := json.Compact(&one, value); err != nil {
		return b, fmt.Errorf("the column is of JSON, and the value %.60q is none: save it as text, or as a list (pyarrow writes lists as such)", value)
	}
	return append(b, one.Bytes()...), nil
}

// appendFloat appends the shortest digits that give the number back, a whole one with .0: it is no integer.
func appendFloat(b []byte, f float64, bits int) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return b, fmt.Errorf("the value is %v, which JSON has no form for: save it as null", f)
	}
	if size := math.Abs(f); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.AppendFloat(b, f, 'e', -1, bits), nil
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'f', -1, bits)
	if !strings.Contains(string(b[start:]), ".") {
		b = append(b, ".0"...)
	}
	return b, nil
}

func appendString(b []byte, text string) []byte {
	plain := true
	for i := 0; i < len(text) && plain; i++ {
		plain = text[i] >= ' ' && text[i] != '"' && text[i] != '\\'
	}
	if plain && utf8.ValidString(text) {
		return append(append(append(b, '"'), text...), '"')
	}
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err) // A string is always JSON.
	}
	return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...)
}

func appendTime(b []byte, t time.Time, utc bool) []byte {
	if utc {
		return t.AppendFormat(b, `"`+time.RFC3339Nano+`"`)
	}
	return t.AppendFormat(b, `"2006-01-02T15:04:05.999999999"`)
}

func timeOf(n int64, unit format.TimeUnit) time.Time {
	switch unit.Value.(type) {
	case *format.MilliSeconds:
		return time.UnixMilli(n).UTC()
	case *format.MicroSeconds:
		return time.UnixMicro(n).UTC()
	}
	return time.Unix(n/1e9, n%1e9).UTC()
}

// julianTime is an INT96 of Impala and old Spark: nanoseconds of the day, then the Julian day.
func julianTime(v parquet.Value) time.Time {
	const epoch = 2440588 // the Julian day of 1970-01-01
	parts := v.Int96()
	nanoseconds := int64(uint64(parts[1])<<32 | uint64(parts[0]))
	return time.Unix(0, 0).UTC().AddDate(0, 0, int(parts[2])-epoch).Add(time.Duration(nanoseconds))
}

func appendDecimal(b []byte, unscaled *big.Int, scale int32) []byte {
	digits := new(big.Int).Abs(unscaled).String()
	if unscaled.Sign() < 0 {
		b = append(b, '-')
	}
	if scale <= 0 || scale > 1000 {
		return append(b, digits...)
	}
	if short := int(scale) + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	point := len(digits) - int(scale)
	return append(append(append(b, digits[:point]...), '.'), digits[point:]...)
}

// twosComplement is a signed big-endian number.
func twosComplement(digits []byte) *big.Int {
	n := new(big.Int).SetBytes(digits)
	if len(digits) > 0 && digits[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(digits))))
	}
	return n
}
