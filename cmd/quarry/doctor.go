package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
)

// DoctorOptions are the flags of quarry doctor.
type DoctorOptions struct {
	Engine EngineOptions
	Model  string
	JSON   bool
}

func newDoctorCommand(h *host) *cobra.Command {
	var o DoctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Show what this machine gives and what is taken of it",
		Long: `Show the processor path and why it is taken and no better one, precision, processors and memory with the container's limits, versions, and
the numeric identity: the same identity, seed and recipe give the same bytes. With --model, also what the model's
directory says about prompts, pooling and lengths, and what it leaves to defaults.`,
		Example: `  quarry doctor
  quarry doctor --model models/minilm --json`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDoctor(cmd.Context(), o, h) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Model, "model", "", "model `directory` to look at, too, or a Hugging Face name")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	o.Engine.AddFlags(f)
	return cmd
}

// diagnosis is what doctor --json prints.
type diagnosis struct {
	Schema    int             `json:"schema"`
	Identity  string          `json:"identity"`
	Path      kernel.Path     `json:"path"`
	Because   string          `json:"because"`
	Available []kernel.Path   `json:"available"`
	NotTaken  []kernel.Lack   `json:"not_taken,omitempty"` // better paths than that which is taken, best first
	Precision string          `json:"precision"`
	Processor string          `json:"processor"`
	Cores     int             `json:"cores"`
	Quota     float64         `json:"quota,omitempty"`
	Workers   int             `json:"workers"`
	Memory    memoryDiagnosis `json:"memory"`
	Version   string          `json:"version"`
	Go        string          `json:"go"`
	System    string          `json:"system"`
	Model     *modelDiagnosis `json:"model,omitempty"`
}

type memoryDiagnosis struct {
	Limit int64 `json:"limit"` // of the container; 0 is none
	Free  int64 `json:"free"`  // 0 is unknown
	Used  int64 `json:"used"`  // at most, by activations and packed weights; 0 is no limit
}

// runDoctor looks and prints.
func runDoctor(ctx context.Context, o DoctorOptions, h *host) error {
	h.process.hold(o.Engine.limit(h.machine))
	e, err := o.Engine.open(h, model.Footprint{})
	if err != nil {
		return err
	}
	defer e.Close()
	d := diagnose(o, h.machine, e)
	if o.Model != "" {
		if d.Model, err = diagnoseModel(ctx, h, o.Model, e); err != nil {
			return err
		}
	}
	if o.JSON {
		return printJSON(h, d)
	}
	return h.printf("%s", d)
}

func diagnose(o DoctorOptions, m machine, e *compute.Engine) diagnosis {
	return diagnosis{
		Schema: schema, Identity: e.Identity(), Path: e.Path(), Because: o.Engine.because(m), Available: kernel.Available(), NotTaken: o.Engine.notTaken(m, e.Path(), kernel.Available(), kernel.Lacks()),
		Precision: string(e.Precision()), Processor: kernel.Processor(), Cores: runtime.NumCPU(), Quota: m.Quota, Workers: e.Workers(),
		Memory:  memoryDiagnosis{m.MemoryLimit, m.MemoryFree, e.Memory()},
		Version: version(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
	}
}

// because says why a path is taken.
func (o EngineOptions) because(m machine) string {
	switch {
	case o.CPU != "":
		return "--cpu names it"
	case m.CPU != "":
		return "QUARRY_CPU names it"
	}
	return "the best of those available"
}

// notTaken says of each path that is better than the one taken why it is not: the machine lacks it, or another is forced.
func (o EngineOptions) notTaken(m machine, taken kernel.Path, available []kernel.Path, lacks []kernel.Lack) (not []kernel.Lack) {
	order := []kernel.Path{kernel.AMX, kernel.AVX512BF16, kernel.AVX512, kernel.AVX2, kernel.NEON}
	for _, p := range order[:max(0, slices.Index(append(order, kernel.Portable), taken))] {
		if slices.Contains(available, p) {
			not = append(not, kernel.Lack{Path: p, Because: fmt.Sprintf("available; %[2]s is taken, for %[1]s", o.because(m), taken)})
		}
		if i := slices.IndexFunc(lacks, func(l kernel.Lack) bool { return l.Path == p }); i >= 0 {
			not = append(not, lacks[i])
		}
	}
	return not
}

// version is the module's, with the revision that it was built from where that is known.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && !strings.Contains(text, s.Value[:min(12, len(s.Value))]) {
			text += " " + s.Value
		}
	}
	return text
}

// String is the diagnosis for people.
func (d diagnosis) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	row("identity", "%s", d.Identity)
	row("path", "%s: %s (available: %s)", d.Path, d.Because, join(d.Available))
	for _, n := range d.NotTaken {
		row("not "+string(n.Path), "%s", n.Because)
	}
	row("precision", "%s", d.Precision)
	row("processor", "%s", d.Processor)
	cores := fmt.Sprintf("%d", d.Cores)
	if d.Quota > 0 {
		cores += fmt.Sprintf(", of which the container grants the time of %.3g", d.Quota)
	}
	row("cores", "%s; %d workers", cores, d.Workers)
	row("memory", "%s free; container's limit %s; activations and packed weights within %s", humanSize(d.Memory.Free, "unknown"), humanSize(d.Memory.Limit, "none"), humanSize(d.Memory.Used, "no limit"))
	row("version", "quarry %s, %s, %s", d.Version, d.Go, d.System)
	if d.Model != nil {
		d.Model.rows(row)
	}
	_ = w.Flush() // into memory
	return text.String()
}

func join(paths []kernel.Path) string {
	words := make([]string, len(paths))
	for i, p := range paths {
		words[i] = string(p)
	}
	return strings.Join(words, ", ")
}

// humanSize is a number of bytes in a unit that a person reads, rounded.
func humanSize(n int64, zero string) string {
	switch {
	case n == 0:
		return zero
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return recipe.Size(n).String()
}
