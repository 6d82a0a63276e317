//go:build !race

// The race detector takes many times the memory.

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/vectors"
)

// asQuarry in the environment makes the test binary the command itself, in a process of its own.
const asQuarry = "QUARRY_TEST_IS_COMMAND=yes"

func TestMain(m *testing.M) {
	if slices.Contains(os.Environ(), asQuarry) {
		main()
	}
	os.Exit(m.Run())
}

func quarryCommand(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asQuarry)
	return c
}

// TestMemoryLimitHolds runs commands where vectors, texts and what waits to be collected do not fit the limit
// together, and samples what of its memory is no mapped file. Temporary files have to be on a disk. A command may hold what it was
// found to, and half of the vectors, which it must not hold: room for processors that
// pack more. The second figure of a row adds all of them.
func TestMemoryLimitHolds(t *testing.T) {
	const dim, passages = 256, 36_000 // 35 MiB of vectors; what else a command holds is 20 and more
	p := project(t.TempDir())
	mustBe(t, tinymodel.Write(p.path("model"), tinymodel.Options{Layers: 1, Hidden: dim, Heads: 4, Intermediate: 16, Positions: 16, NoPooler: true}))
	writeMany(t, p, passages, 20)
	writeBackwards(t, p, passages, dim)
	data := []string{"--corpus", p.path("corpus.jsonl"), "--queries", p.path("queries.jsonl")}
	for _, tc := range []struct {
		name        string
		limit, most int64 // MiB: what --memory says, which has a floor, and what may be found
		args        []string
	}{
		// Found: 21 MiB, with the vectors 56.
		{"embed", 52, 40, []string{"embed", "--model", p.path("model"), "--input", p.path("corpus.jsonl"), "--output", p.path("embedded.npy")}},
		// Found: 25 MiB, with the vectors 60.
		{"search", 52, 43, append([]string{"search", "--model", p.path("model"), "--depth", "10", "--output", p.path("run.trec")}, data...)},
		// Found: 28 MiB, with the vectors 63.
		{"mine", 52, 46, append([]string{"mine", "--model", p.path("model"), "--window", "1-30", "--output", p.path("mined.jsonl")}, data...)},
		// Found: 18 MiB, with the vectors 53.
		{"search in vectors of another order", 52, 36, append([]string{"search", "--corpus-vectors", p.path("backwards.npy"), "--corpus-ids", p.path("backwards.ids"), "--query-vectors", p.path("queries.npy"), "--depth", "10", "--output", p.path("given.trec")}, data...)},
		// Found: 23 MiB; it makes no vectors.
		{"finetune", 68, 34, append([]string{"finetune", "--model", p.path("model"), "--train", p.path("queries.jsonl"), "--epochs", "1", "--max-steps", "2", "--batch", "8", "--block-tokens", "256", "--output", p.path("tuned")}, data[:2]...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := quarryCommand(append(tc.args, "--memory", fmt.Sprintf("%dMiB", tc.limit), "--workers", "2")...)
			peak := peakOf(t, c)
			t.Logf("%.1f MiB at most, %v of processors", float64(peak)/(1<<20), c.ProcessState.UserTime()+c.ProcessState.SystemTime())
			if peak > tc.most<<20 {
				t.Errorf("%d bytes at most, want no more than %d MiB of the limit of %d", peak, tc.most, tc.limit)
			}
		})
	}
}

// TestAStepOfManyQueriesFitsALimit trains a step of 512 queries that takes twice a limit where all of its activations are
// kept: within the limit, by cached gradients, it gives the same checkpoint, byte for byte.
func TestAStepOfManyQueriesFitsALimit(t *testing.T) {
	const batch, limit = 512, 52 // MiB
	p := project(t.TempDir())
	mustBe(t, tinymodel.Write(p.path("model"), tinymodel.Options{Layers: 4, Hidden: 64, Heads: 4, Intermediate: 256, Positions: 32, Dropout: 0.1, NoPooler: true}))
	writeMany(t, p, batch, batch)
	peaks, weights := map[string]int64{}, map[string]string{}
	for name, memory := range map[string]string{"kept": "4GiB", "cached": fmt.Sprintf("%dMiB", limit)} {
		c := quarryCommand("finetune", "--model", p.path("model"), "--corpus", p.path("corpus.jsonl"), "--train", p.path("queries.jsonl"), "--epochs", "1", "--warmup-ratio", "0",
			"--batch", fmt.Sprint(batch), "--group-size", "1", "--block-tokens", "256", "--cpu", string(exactpath.Fastest), "--output", p.path(name), "--memory", memory, "--workers", "2")
		peaks[name] = peakOf(t, c)
		content, err := os.ReadFile(p.path(name + "/epoch-1/model.safetensors"))
		mustBe(t, err)
		weights[name] = string(content)
	}
	t.Logf("%.1f MiB at most, with cached gradients %.1f MiB", float64(peaks["kept"])/(1<<20), float64(peaks["cached"])/(1<<20))
	if peaks["kept"] < 2*limit<<20 || peaks["cached"] > limit<<20 {
		t.Errorf("%d bytes at most where all is kept, want twice the limit of %d MiB; %d where gradients are cached, want no more than it", peaks["kept"], limit, peaks["cached"])
	}
	if weights["kept"] != weights["cached"] {
		t.Error("the step gives other weights with cached gradients")
	}
}

// TestWeightsOf16BitsStayInTheirFiles runs commands on a model in bf16 that would not fit the limit as float32: LoRA's base
// and what is merged, too.
func TestWeightsOf16BitsStayInTheirFiles(t *testing.T) {
	const limit, parameters = 80 << 20, 6 * (4*512*512 + 2*512*2048)
	p := newProject(t, tinymodel.Options{Layers: 6, Hidden: 512, Heads: 8, Intermediate: 2048, DType: safetensors.BF16, NoPooler: true})
	if widened := int64(4 * parameters); widened < limit-reserve(limit) {
		t.Fatalf("%d bytes of float32 would fit", widened)
	}
	for _, tc := range []struct {
		name string
		args []string
	}{
		{"embed", []string{"embed", "--model", p.path("model"), "--input", p.path("corpus.jsonl"), "--output", p.path("embedded.npy")}},
		{"finetune", []string{"finetune", "--method", "lora", "--lora-rank", "4", "--lora-targets", "query,key", "--model", p.path("model"), "--corpus", p.path("corpus.jsonl"), "--train", p.path("train.jsonl"),
			"--epochs", "1", "--max-steps", "1", "--batch", "4", "--block-tokens", "64", "--output", p.path("tuned")}},
		{"merge", []string{"merge", "--base", p.path("model"), "--adapter", p.path("tuned/epoch-1"), "--probes", p.path("dev.jsonl"), "--shard-size", "8MiB", "--output", p.path("merged")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			peak := peakOf(t, quarryCommand(append(tc.args, "--memory", "80MiB", "--workers", "2")...))
			t.Logf("%.1f MiB at most", float64(peak)/(1<<20))
			if peak > limit {
				t.Errorf("%d bytes at most, the limit is %d", peak, limit)
			}
		})
	}
}

// TestMemoryThatIsTooLittleIsRefused gives commands less than they take; what its error asks for is enough.
func TestMemoryThatIsTooLittleIsRefused(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	for _, args := range [][]string{
		{"embed", "--model", p.path("model"), "--input", p.path("corpus.jsonl"), "--output", p.path("out.npy")},
		{"search", "--model", p.path("model"), "--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl"), "--output", p.path("run.trec")},
		{"mine", "--model", p.path("model"), "--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl"), "--window", "1-9", "--negatives", "4", "--output", p.path("mined.jsonl")},
		{"finetune", "--model", p.path("model"), "--corpus", p.path("corpus.jsonl"), "--train", p.path("train.jsonl"), "--epochs", "1", "--max-steps", "1", "--output", p.path("tuned")},
	} {
		t.Run(args[0], func(t *testing.T) {
			args := append(args, "--workers", "2")
			c := quarryCommand(append(args, "--memory", "1MiB")...)
			out, err := c.CombinedOutput()
			if err == nil || c.ProcessState.ExitCode() != exitBadInput {
				t.Fatalf("%v\n%s", err, out)
			}
			_, after, found := strings.Cut(string(out), "raise --memory to at least ")
			asked, _, ended := strings.Cut(after, ",")
			if !found || !ended {
				t.Fatalf("the error does not say how much is needed: %s", out)
			}
			if out, err := quarryCommand(append(args, "--memory", asked)...).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", asked, err, out)
			}
		})
	}
}

// peakOf runs a command and returns the most bytes of its memory, mapped files apart, that a look at it has found.
func peakOf(t *testing.T, c *exec.Cmd) (peak int64) {
	t.Helper()
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	mustBe(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	looks := 0
	for {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			if looks < 5 {
				t.Fatalf("%d looks are too few to tell", looks)
			}
			return peak
		case <-time.After(2 * time.Millisecond):
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
		if err != nil {
			continue // it has just ended
		}
		var now int64
		for line := range strings.Lines(string(status)) {
			fields := strings.Fields(line)
			if len(fields) == 3 && (fields[0] == "RssAnon:" || fields[0] == "RssShmem:") {
				kib, err := strconv.ParseInt(fields[1], 10, 64)
				mustBe(t, err)
				now += kib << 10
			}
		}
		looks++
		peak = max(peak, now)
	}
}

// writeMany writes a corpus of short texts and queries with positives.
func writeMany(t *testing.T, p project, passages, asked int) {
	t.Helper()
	vocabulary := tinymodel.Vocabulary()[5:]
	source := draw.New(1, "memory test", 0, 0, "texts")
	text := func(n int) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(strings.TrimLeft(vocabulary[source.IntN(len(vocabulary))], "#"))
		}
		return b.String()
	}
	var corpus, queries bytes.Buffer
	for i := range passages {
		fmt.Fprintf(&corpus, "{\"id\":\"p%06d\",\"text\":%q}\n", i, text(3))
	}
	for i := range asked {
		fmt.Fprintf(&queries, "{\"id\":\"q%d\",\"query\":%q,\"positive_ids\":[\"p%06d\"]}\n", i, text(4), i)
	}
	p.write(t, "corpus.jsonl", corpus.String())
	p.write(t, "queries.jsonl", queries.String())
}

// writeBackwards writes vectors of the passages in reverse order with their ids, and of the queries.
func writeBackwards(t *testing.T, p project, passages, dim int) {
	t.Helper()
	source := draw.New(2, "memory test", 0, 0, "vectors")
	row := make([]float32, dim)
	write := func(name string, rows int) {
		f, err := os.Create(p.path(name))
		mustBe(t, err)
		buffered := bufio.NewWriter(f)
		out, err := vectors.NewNPYWriter(buffered, rows, dim)
		mustBe(t, err)
		for range rows {
			for i := range row {
				row[i] = float32(source.IntN(201) - 100)
			}
			mustBe(t, out.Write(row))
		}
		mustBe(t, out.Close())
		mustBe(t, buffered.Flush())
		mustBe(t, f.Close())
	}
	write("backwards.npy", passages)
	write("queries.npy", 20)
	var ids strings.Builder
	for i := range passages {
		fmt.Fprintf(&ids, "p%06d\n", passages-1-i)
	}
	p.write(t, "backwards.ids", ids.String())
}
