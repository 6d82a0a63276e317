// Package prometheus writes metrics in Prometheus's text exposition format, version 0.0.4.
package prometheus

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// ContentType is the media type of what Write writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Family is the samples of one metric, all gauges.
type Family struct {
	Name    string // letters, digits and underscores
	Help    string // one sentence
	Samples []Sample
}

// Sample is one value with what tells it from others of its family.
type Sample struct {
	Labels []Label // names differ
	Value  float64
}

// Label is a name, of letters, digits and underscores, and any value.
type Label struct{ Name, Value string }

// Write writes families in their order, those without samples left out.
func Write(w io.Writer, families []Family) error {
	var out bytes.Buffer
	for _, f := range families {
		if len(f.Samples) == 0 {
			continue
		}
		fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %s gauge\n", f.Name, helpEscapes.Replace(f.Help), f.Name)
		for _, s := range f.Samples {
			out.WriteString(f.Name)
			for i, l := range s.Labels {
				open := ","
				if i == 0 {
					open = "{"
				}
				fmt.Fprintf(&out, `%s%s="%s"`, open, l.Name, labelEscapes.Replace(strings.ToValidUTF8(l.Value, "\uFFFD")))
			}
			if len(s.Labels) > 0 {
				out.WriteByte('}')
			}
			fmt.Fprintf(&out, " %s\n", number(s.Value))
		}
	}
	_, err := out.WriteTo(w)
	return err
}

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
