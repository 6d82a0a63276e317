package merging

import (
	"context"
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
)

// check embeds the probes three times: with the base, with base and adapter, and with the merged model. Each is opened
// anew, so that nothing but the files is compared.
func check(ctx context.Context, e *compute.Engine, o Options, merged string) (Check, error) {
	c := Check{Probes: len(o.Probes)}
	e, done, err := Exact(e)
	if err != nil {
		return c, err
	}
	defer done()
	want, alone, err := wanted(ctx, e, o, &c)
	if err != nil {
		return c, err
	}
	got, err := probeDirectory(ctx, e, merged, o.Model, o.Probes)
	if err != nil {
		return c, err
	}
	c.Change, _ = farthest(want, alone)
	return c, c.compare(got, want, o.Probes, ErrDiffers)
}

// CheckCopy compares a copied model directory with its original, both read with the same options: on the probes it must
// give the very same vectors, else the error is ErrCopyDiffers.
func CheckCopy(ctx context.Context, e *compute.Engine, original, copied string, o model.Options, probes []string) (Check, error) {
	c := Check{Probes: len(probes)}
	e, done, err := Exact(e)
	if err != nil {
		return c, err
	}
	defer done()
	want, err := probeDirectory(ctx, e, original, o, probes)
	if err != nil {
		return c, err
	}
	got, err := probeDirectory(ctx, e, copied, o, probes)
	if err != nil {
		return c, err
	}
	return c, c.compare(got, want, probes, ErrCopyDiffers)
}

// compare fails with differs where a probe's vector is of another length than what is wanted, or a component of it further away
// than the tolerance.
func (c *Check) compare(got, want []float64, probes []string, differs error) error {
	if len(got) != len(want) {
		return fmt.Errorf("%w: in the length of a vector: %d, not %d", differs, len(got)/len(probes), len(want)/len(probes))
	}
	var at int
	c.MaxDifference, at = farthest(got, want)
	// Not a number is not within any tolerance.
	if !(c.MaxDifference <= c.Tolerance) {
		text := at / (len(got) / len(probes))
		return fmt.Errorf("%w: by %.3g on probe %d (%s), allowed %.3g", differs, c.MaxDifference, text, short(probes[text]), c.Tolerance)
	}
	return nil
}

func probeDirectory(ctx context.Context, e *compute.Engine, dir string, o model.Options, probes []string) ([]float64, error) {
	m, err := model.Open(dir, o)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return probe(ctx, e, m, probes)
}

// Exact returns an f32 engine like the given one, and what gives it up: rounding the operands of matrix products would hide what a
// check of a merge looks for.
func Exact(e *compute.Engine) (*compute.Engine, func(), error) {
	if e.Precision() == compute.F32 {
		return e, func() {}, nil
	}
	f32, err := compute.New(compute.Options{Path: e.Path(), Precision: compute.F32, Workers: e.Workers(), Memory: e.Memory()})
	if err != nil {
		return nil, nil, err
	}
	return f32, f32.Close, nil
}

// wanted embeds the probes with base and adapter, and with the base alone.
func wanted(ctx context.Context, e *compute.Engine, o Options, c *Check) (both, alone []float64, err error) {
	m, err := model.Open(o.Base, o.Model)
	if err != nil {
		return nil, nil, err
	}
	defer m.Close()
	if alone, err = probe(ctx, e, m, o.Probes); err != nil {
		return nil, nil, err
	}
	adapter, err := lora.Open(o.Adapter, m.Base())
	if err != nil {
		return nil, nil, err
	}
	c.Tolerance = tolerance(adapter, m.Base())
	if err := m.Attach(adapter); err != nil {
		return nil, nil, err
	}
	both, err = probe(ctx, e, m, o.Probes)
	return both, alone, err
}

// probe embeds texts without a prompt, brought to unit length; a vector of zeros stays one.
func probe(ctx context.Context, e *compute.Engine, m *model.Model, texts []string) ([]float64, error) {
	x, err := embedding.New(m, e)
	if err != nil {
		return nil, err
	}
	each := func(yield func(embedding.Text, error) bool) {
		for _, t := range texts {
			if !yield(embedding.Text{Text: t}, nil) {
				return
			}
		}
	}
	longest, err := longest(m, texts)
	if err != nil {
		return nil, err
	}
	all := make([]float64, 0, len(texts)*x.Dimension())
	_, err = x.Embed(ctx, each, embedding.Options{MaxLength: longest, Taken: m.Attached()}, func(_ int, vectors []float32) error {
		for ; len(vectors) > 0; vectors = vectors[x.Dimension():] {
			all = append(all, unit(vectors[:x.Dimension()])...)
		}
		return nil
	})
	return all, err
}

// longest is the tokens of the longest text as the model reads it, or the fewest that a limit may be: memory for the longest text
// that the model could read would be many times that.
func longest(m *model.Model, texts []string) (int, error) {
	n := m.Tokenizer.SpecialCount() + 1
	for _, text := range texts {
		s, err := m.Sequence(text, model.Prompt{}, 0)
		if err != nil {
			return 0, err
		}
		n = max(n, len(s.IDs))
	}
	return n, nil
}

func unit(vector []float32) []float64 {
	var sum float64
	for _, v := range vector {
		sum += float64(v) * float64(v)
	}
	scaled := make([]float64, len(vector))
	if sum == 0 {
		return scaled
	}
	for i, v := range vector {
		scaled[i] = float64(v) / math.Sqrt(sum)
	}
	return scaled
}

// farthest is the largest difference of two components and its place.
func farthest(a, b []float64) (largest float64, at int) {
	for i := range a {
		d := math.Abs(a[i] - b[i])
		if math.IsNaN(d) {
			return d, i
		}
		if d > largest {
			largest, at = d, i
		}
	}
	return largest, at
}

// short is the beginning of a text, for errors.
func short(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
