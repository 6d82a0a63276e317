package model

// Unlike names every part in which a directory that was read without options says another thing than a contract, the
// directory's word first. What it leaves open is like any contract: pooling, normalisation and what is
// kept of vectors without modules.json, special tokens without a tokenizer, and a prompt that is empty, for that is also how
// sentence-transformers writes that it was told of none.
func (d *Directory) Unlike(c Contract) ([]string, error) {
	said := d.Contract
	for _, p := range []struct{ said, want *Prompt }{
		{&said.Query, &c.Query}, {&said.Passage, &c.Passage}, {&said.Default, &c.Default},
	} {
		if p.said.Template == "" && p.said.Suffix == "" {
			*p.said = *p.want
		}
	}
	if len(d.Assumed) > 0 {
		said.Pooling, said.IncludePrompt, said.Normalize, said.Score = c.Pooling, c.IncludePrompt, c.Normalize, c.Score
		said.TruncateDim = c.TruncateDim
	}
	has, err := d.HasTokenizer()
	if err != nil {
		return nil, err
	}
	if !has {
		said.BOS, said.EOS = c.BOS, c.EOS
	}
	return said.withPrefixes().Differences(c.withPrefixes()), nil
}
