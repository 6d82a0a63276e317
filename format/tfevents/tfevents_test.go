package tfevents

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// TestBytesAreTensorBoards writes what TensorBoard's own writer wrote (parity/tensorboard_fixture.py).
func TestBytesAreTensorBoards(t *testing.T) {
	raw, err := os.ReadFile("testdata/tensorboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixture struct {
		Cases []struct {
			Name  string
			Steps []struct {
				Step   int64
				Values [][2]any
				Texts  [][2]string
			}
			File string
		}
	}
	if err := json.Unmarshal(raw, &fixture); err != nil {
		t.Fatal(err)
	}
	if len(fixture.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, tc := range fixture.Cases {
		t.Run(tc.Name, func(t *testing.T) {
			want, err := base64.StdEncoding.DecodeString(tc.File)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			w, err := NewWriter(&out)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range tc.Steps {
				var values []Scalar
				for _, v := range s.Values {
					values = append(values, Scalar{v[0].(string), float32(v[1].(float64))})
				}
				var texts []Text
				for _, v := range s.Texts {
					texts = append(texts, Text{v[0], v[1]})
				}
				if err := w.Write(s.Step, values, texts...); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(out.Bytes(), want) {
				t.Errorf("got\n%x\nwant\n%x", out.Bytes(), want)
			}
			if err := frames(out.Bytes(), 1+len(tc.Steps)); err != nil {
				t.Error(err)
			}
		})
	}
}

// frames checks that a file is so many whole records with their checksums.
func frames(file []byte, records int) error {
	for n := 0; ; n++ {
		if len(file) == 0 {
			if n != records {
				return fmt.Errorf("%d records, want %d", n, records)
			}
			return nil
		}
		size := binary.LittleEndian.Uint64(file)
		if masked(file[:8]) != binary.LittleEndian.Uint32(file[8:]) || masked(file[12:12+size]) != binary.LittleEndian.Uint32(file[12+size:]) {
			return fmt.Errorf("record %d: a checksum is wrong", n)
		}
		file = file[16+size:]
	}
}

// failing takes so many writes.
type failing int

func (f *failing) Write(p []byte) (int, error) {
	if *f--; *f < 0 {
		return 0, os.ErrClosed
	}
	return len(p), nil
}

func TestErrorsOfTheFileAreTold(t *testing.T) {
	none, one := failing(0), failing(1)
	if _, err := NewWriter(&none); err == nil {
		t.Error("no error of the first record")
	}
	w, err := NewWriter(&one)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(1, nil); err == nil {
		t.Error("no error of a step")
	}
}
