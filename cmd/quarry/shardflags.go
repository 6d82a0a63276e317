package main

import (
	"os"

	"github.com/spf13/pflag"
)

// ShardOptions are the flags of what quarry mine keeps as it works.
type ShardOptions struct {
	Shard    int    // queries that are ranked, and texts that are embedded, before they are kept; 0 is defaultShard
	Work     string // where
	KeepWork bool
}

// defaultShard is seconds of searching in a million passages, and a few megabytes of candidates to a depth of 200.
const defaultShard = 4096

func (o *ShardOptions) addFlags(f *pflag.FlagSet) {
	f.IntVar(&o.Shard, "shard", defaultShard, "`queries` ranked, and texts embedded, before what is ready is kept: an interrupted command goes on behind it. No result depends on it")
	f.StringVar(&o.Work, "work", "", "`directory` of what is ready (where there is more than one shard, --output's name and .work)")
	f.BoolVar(&o.KeepWork, "keep-work", false, "leave that directory where it is at the end")
}

// shardFlags are those that have no part where nothing is ranked.
var shardFlags = []string{"shard", "work", "keep-work"}

// workPlace is where the working directory is; empty where --output has no place beside it.
func (o *MineOptions) workPlace() string {
	if o.Work != "" {
		return o.Work
	}
	if o.Output == standard || o.Output == "" {
		return ""
	}
	if info, err := os.Stat(o.Output); err == nil && !info.Mode().IsRegular() {
		return ""
	}
	return o.Output + ".work"
}

// validateShards checks the flags, and that no file of the command, each behind its flag, lies where the working directory is: it
// goes at the end.
func (o *MineOptions) validateShards(inputs ...string) error {
	if o.Candidates != "" {
		for _, flag := range shardFlags {
			if o.Rank.Texts.set[flag] {
				return badInputf("--%s has no part beside --candidates: they are ranked already", flag)
			}
		}
		return nil
	}
	if err := o.Rank.Texts.set.atLeast(1, map[string]int{"shard": o.Shard}); err != nil {
		return err
	}
	place := o.workPlace()
	switch {
	case place == "" && o.KeepWork:
		return badInputf("--keep-work: --output %s has no place beside it: name a directory with --work", o.Output)
	case place == "":
		return nil
	}
	files := append([]string{"output", o.Output, "provenance", o.Provenance, "save-candidates", o.Save, "teacher-cache", o.Teacher.Cache}, inputs...)
	for i := 0; i < len(files); i += 2 {
		if path := files[i+1]; path != "" && path != standard && wouldLieIn(path, place) {
			return badInputf("--%s %s lies in the working directory %s, which goes at the end: choose another place for it, or by --work for the directory", files[i], path, place)
		}
	}
	return mayWriteBeside("work", place, inputs...)
}
