package prometheus

import (
	"bytes"
	"math"
	"testing"
)

func TestWrite(t *testing.T) {
	var out bytes.Buffer
	err := Write(&out, []Family{
		{Name: "quarry_loss", Help: "Loss of the last step.", Samples: []Sample{{Value: 2.5}}},
		{Name: "quarry_nothing", Help: "Has no samples."},
		{Name: "quarry_measure", Help: "A \\ and\na line.", Samples: []Sample{
			{[]Label{{"run", "a\"b\\c\nd\xff"}, {"measure", "map@25"}}, 0.25},
			{[]Label{{"run", "größer"}}, math.NaN()},
			{nil, math.Inf(1)}, {nil, math.Inf(-1)}, {nil, 1e21},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `# HELP quarry_loss Loss of the last step.
# TYPE quarry_loss gauge
quarry_loss 2.5
# HELP quarry_measure A \\ and\na line.
# TYPE quarry_measure gauge
quarry_measure{run="a\"b\\c\nd�",measure="map@25"} 0.25
quarry_measure{run="größer"} NaN
quarry_measure +Inf
quarry_measure -Inf
quarry_measure 1e+21
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
