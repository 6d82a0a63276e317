package corpus

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Files is a file system in which files of rows are found.
type Files interface {
	Open(path string) (io.ReadCloser, error)
	Stat(path string) (fs.FileInfo, error)
	ReadDir(path string) ([]fs.DirEntry, error) // sorted by name
}

// Disk is the machine's own file system.
type Disk struct{}

// Open implements Files.
func (Disk) Open(path string) (io.ReadCloser, error) { return os.Open(path) }

// Stat implements Files.
func (Disk) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// ReadDir implements Files.
func (Disk) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }

// ErrNoShards is what is wrong with a folder that is named for rows and has no Parquet files.
var ErrNoShards = errors.New("is a directory: name a file, or a data set's folder with its Parquet files")

// ErrNoSplits is what is wrong with a file for which a split is named.
var ErrNoSplits = errors.New("a file has no splits")

// OpenRows opens the rows that a path names (FindRows). Those of a folder are read through Lines, shard after shard, each opened
// in its turn; as bytes they are one file behind the other, which is for digests.
func OpenRows(files Files, path, split string) (io.ReadCloser, error) {
	found, err := FindRows(files, path, split)
	if err != nil {
		return nil, err
	}
	if slices.Equal(found, []string{path}) {
		return files.Open(path)
	}
	j := &joined{}
	for _, file := range found {
		j.shards = append(j.shards, Shard{Name: file, open: func() (io.ReadCloser, error) { return files.Open(file) }})
	}
	return j, nil
}

// FindRows finds the files that hold the rows which a path names: the file of that name, or the Parquet files of a split of a
// data set's folder, as the Hugging Face hub and its libraries keep them, in the order of the shards. FOLDER names the split
// called split, or without that the only one; FOLDER/SPLIT, where nothing has that name itself, names one of several. A split that is
// not whole is an error, and so is a split of a file (ErrNoSplits). Of what is not there at all the path is returned, for opening it tells what is wrong.
func FindRows(files Files, path, split string) ([]string, error) {
	info, err := files.Stat(path)
	if err == nil && info.IsDir() {
		return chooseRows(files, path, split)
	}
	if err == nil && split != "" {
		return nil, fmt.Errorf("%s: %w: leave the split %q out, or name the folder of a data set that has it", path, ErrNoSplits, split)
	}
	if !errors.Is(err, fs.ErrNotExist) || split != "" {
		return []string{path}, nil
	}
	splits, err := FolderSplits(files, filepath.Dir(path))
	if err != nil || len(splits) == 0 {
		return []string{path}, nil
	}
	wanted := filepath.Base(path)
	for _, s := range splits {
		if s.Name == wanted {
			return s.Paths, s.Err
		}
	}
	if filepath.Ext(wanted) != "" { // the name of a file, which happens to be missing beside Parquet files
		return []string{path}, nil
	}
	return nil, fmt.Errorf("%w; the splits of %s are %s", &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}, filepath.Dir(path), splitNames(splits))
}

// chooseRows are the files of a folder's split.
func chooseRows(files Files, folder, split string) ([]string, error) {
	splits, err := FolderSplits(files, folder)
	if err != nil {
		return nil, err
	}
	if len(splits) == 0 {
		return nil, noRows(files, folder)
	}
	for _, s := range splits {
		if s.Name == split || split == "" && len(splits) == 1 {
			return s.Paths, s.Err
		}
	}
	if split != "" {
		return nil, fmt.Errorf("%s: no split %q (there is %s)", folder, split, splitNames(splits))
	}
	return nil, fmt.Errorf("%s: several splits (%s): name one, such as %s", folder, splitNames(splits), filepath.Join(folder, splits[0].Name))
}

// noRows says of a folder without Parquet files what it may have instead.
func noRows(files Files, folder string) error {
	err := &fs.PathError{Op: "open", Path: folder, Err: ErrNoShards}
	entries, listed := files.ReadDir(folder)
	if listed != nil {
		return err
	}
	var configurations []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".arrow" {
			return fmt.Errorf("%s: .arrow files, as save_to_disk leaves them, are not read: write the data set with to_parquet", folder)
		}
		if splits, err := Splits(files, filepath.Join(folder, e.Name())); e.IsDir() && err == nil && len(splits) > 0 {
			configurations = append(configurations, e.Name())
		}
	}
	if len(configurations) > 0 {
		return fmt.Errorf("%s: the Parquet files are in folders of their own (%s): name one, such as %s", folder, strings.Join(configurations, ", "), filepath.Join(folder, configurations[0]))
	}
	return err
}

func splitNames(splits []Split) string {
	var names []string
	for _, s := range splits {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// Split is the Parquet files of one split, or of one table, of a data set's folder.
type Split struct {
	Name  string
	Paths []string // in the order of the shards
	Err   error    // why they are not whole; nil where they are
}

// splitFolders are where a data set has its Parquet files: in its folder, in data, or in the folder of its default configuration.
var splitFolders = []string{"", "data", "default"}

// FolderSplits are all splits of a data set's folder, by name: those of its Parquet files and of those in its folders data and
// default. A folder without Parquet files has none.
func FolderSplits(files Files, folder string) ([]Split, error) {
	var all []Split
	for _, inner := range splitFolders {
		found, err := Splits(files, filepath.Join(folder, inner))
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			if at := slices.IndexFunc(all, func(other Split) bool { return other.Name == s.Name }); at >= 0 {
				all[at].Err = fmt.Errorf("%s: %s and %s both hold the split %s; remove one", folder, relative(folder, all[at].Paths[0]), relative(folder, s.Paths[0]), s.Name)
				continue
			}
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b Split) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// relative is a path below a folder as messages about that have it.
func relative(folder, path string) string {
	if short, err := filepath.Rel(folder, path); err == nil {
		return filepath.ToSlash(short)
	}
	return path
}

// shardName takes the name of a Parquet file apart as the hub's libraries put it together: train-00000-of-00002.parquet,
// an old one with a hash behind that, or train.parquet.
var shardName = regexp.MustCompile(`^(.+?)(?:-(\d{5})-of-(\d{5}))?(?:-[0-9a-f]{16})?\.parquet$`)

// Splits are the Parquet files directly in a folder, by the split that they are shards of, in the order of names. A folder
// that is not there has none.
func Splits(files Files, folder string) ([]Split, error) {
	entries, err := files.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	shards := map[string][]shard{}
	var names []string
	for _, e := range entries {
		parts := shardName.FindStringSubmatch(e.Name())
		if parts == nil || e.IsDir() {
			continue
		}
		one := shard{file: e.Name(), of: parts[3]}
		if one.of != "" {
			one.number, _ = strconv.Atoi(parts[2]) // five digits
		}
		if shards[parts[1]] == nil {
			names = append(names, parts[1])
		}
		shards[parts[1]] = append(shards[parts[1]], one)
	}
	slices.Sort(names)
	var splits []Split
	for _, name := range names {
		s := Split{Name: name}
		slices.SortStableFunc(shards[name], func(a, b shard) int { return a.number - b.number })
		for _, one := range shards[name] {
			s.Paths = append(s.Paths, filepath.Join(folder, one.file))
		}
		if err := whole(name, shards[name]); err != nil {
			s.Err = fmt.Errorf("%s: %w", folder, err)
		}
		splits = append(splits, s)
	}
	return splits, nil
}

// shard is one file of a split.
type shard struct {
	file   string
	number int
	of     string // how many there are, as the name has it; empty of a file that is all
}

// whole says what is wrong with the shards of a split, which are in order of their numbers.
func whole(name string, shards []shard) error {
	for i, one := range shards[1:] {
		if before := shards[i]; one.of != before.of {
			return fmt.Errorf("%s and %s both hold %s, in another number of files; remove those of one", before.file, one.file, name)
		}
	}
	if shards[0].of == "" {
		if len(shards) > 1 {
			return fmt.Errorf("%s and %s both hold %s; remove one", shards[0].file, shards[1].file, name)
		}
		return nil
	}
	want, err := strconv.Atoi(shards[0].of)
	if err != nil {
		return err
	}
	for i, one := range shards {
		if i > 0 && one.number == shards[i-1].number {
			return fmt.Errorf("%s and %s are the same shard of %s; remove one", shards[i-1].file, one.file, name)
		}
		if one.number >= want {
			return fmt.Errorf("%s: there is no such shard: they count from 0", one.file)
		}
	}
	for i := range want {
		if i == len(shards) || shards[i].number != i {
			return fmt.Errorf("%d of %d shards of %s are there, and %s-%05d-of-%s is not; download the rest", len(shards), want, name, name, i, shards[0].of)
		}
	}
	return nil
}
