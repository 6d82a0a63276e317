package rundir

import (
	"errors"

	"github.com/quarry-ml/quarry/format/teacherscores"
)

// TeacherScores is what one teacher said of pairs, in a file that grows: it lasts from one call to the next, and is what
// rerank.Scores takes for a store. None of it is in memory.
type TeacherScores struct {
	lines  *Lines
	fsys   FS
	path   string
	header teacherscores.Header
}

// TeacherScoresName is the name of the file of a teacher among those of others: a digest of its header.
func TeacherScoresName(header teacherscores.Header) string {
	return DigestBytes([]byte(header.Line()))[:32] + ".jsonl"
}

// OpenTeacherScores opens or begins the file of the teacher that a header names. A last line that a crash cut short is cut away;
// another teacher's file is an error.
func OpenTeacherScores(fsys FS, path string, header teacherscores.Header) (*TeacherScores, error) {
	lines, err := OpenLines(fsys, path)
	if err != nil {
		return nil, err
	}
	s := &TeacherScores{lines, fsys, path, header}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, lines.Close())
	}
	return s, nil
}

func (s *TeacherScores) begin() error {
	in, err := s.fsys.Open(s.path)
	if err != nil {
		return Explain(s.path, err)
	}
	empty, err := teacherscores.Check(in, s.path, s.header)
	if err = errors.Join(err, in.Close()); err != nil || !empty {
		return err
	}
	return s.lines.Line(s.header.Line())
}

// Find reads the file for the scores of pairs that wanted names. A file that is not whole is an error.
func (s *TeacherScores) Find(wanted func(teacherscores.Digest) bool) (teacherscores.Scores, error) {
	in, err := s.fsys.Open(s.path)
	if err != nil {
		return nil, Explain(s.path, err)
	}
	scores, _, err := teacherscores.Read(in, s.path, s.header, wanted)
	return scores, errors.Join(err, in.Close())
}

// Put adds the scores of more pairs; they are durable when it returns.
func (s *TeacherScores) Put(digests []teacherscores.Digest, scores []float32) error {
	for i, d := range digests {
		line, err := teacherscores.Line(d, scores[i])
		if err == nil {
			err = s.lines.Line(line)
		}
		if err != nil {
			return err
		}
	}
	return s.lines.Sync()
}

// Close closes the file.
func (s *TeacherScores) Close() error { return s.lines.Close() }
