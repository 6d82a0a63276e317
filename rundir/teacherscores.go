package rundir

import (
	"errors"

	"github.com/quarry-ml/quarry/format/teacherscores"
)

// TeacherScores is what one teacher said of pairs, in a file that grows: it lasts from one call to the next, and is what
// rerank.Scores takes for a store.
type TeacherScores struct {
	lines  *Lines
	scores teacherscores.Scores // of the pairs that are wanted
}

// TeacherScoresName is the name of the file of a teacher among those of others: a digest of its header.
func TeacherScoresName(header teacherscores.Header) string {
	return DigestBytes([]byte(header.Line()))[:32] + ".jsonl"
}

// OpenTeacherScores opens or begins the file of the teacher that a header names. Held are the scores of pairs that wanted
// names. A last line that a crash cut short is cut away; a file that is not whole, or another teacher's, is an error.
func OpenTeacherScores(fsys FS, path string, header teacherscores.Header, wanted func(teacherscores.Digest) bool) (*TeacherScores, error) {
	lines, err := OpenLines(fsys, path)
	if err != nil {
		return nil, err
	}
	s := &TeacherScores{lines: lines}
	if err := s.read(fsys, path, header, wanted); err != nil {
		return nil, errors.Join(err, lines.Close())
	}
	return s, nil
}

func (s *TeacherScores) read(fsys FS, path string, header teacherscores.Header, wanted func(teacherscores.Digest) bool) error {
	in, err := fsys.Open(path)
	if err != nil {
		return Explain(path, err)
	}
	var empty bool
	s.scores, empty, err = teacherscores.Read(in, path, header, wanted)
	if err = errors.Join(err, in.Close()); err != nil || !empty {
		return err
	}
	return s.lines.Line(header.Line())
}

// Get returns the score of a pair that is held.
func (s *TeacherScores) Get(d teacherscores.Digest) (float32, bool) {
	score, ok := s.scores[d]
	return score, ok
}

// Put holds the scores of more pairs; they are durable when it returns.
func (s *TeacherScores) Put(digests []teacherscores.Digest, scores []float32) error {
	for i, d := range digests {
		line, err := teacherscores.Line(d, scores[i])
		if err == nil {
			err = s.lines.Line(line)
		}
		if err != nil {
			return err
		}
		s.scores[d] = scores[i]
	}
	return s.lines.Sync()
}

// Close closes the file.
func (s *TeacherScores) Close() error { return s.lines.Close() }
