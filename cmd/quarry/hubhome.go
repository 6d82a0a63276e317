package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/hub"
)

// hubHome is where the Hugging Face libraries keep what they download and how they ask for more, as the environment says
// it to them.
type hubHome struct {
	cache    hub.Cache
	endpoint string
	token    string
	offline  bool
}

// env is a variable of the environment; empty where it is not set.
func (h *host) env(key string) string {
	for _, pair := range slices.Backward(h.environ) {
		if value, ok := strings.CutPrefix(pair, key+"="); ok {
			return value
		}
	}
	return ""
}

// hubCache is the folder of the Hugging Face cache: HF_HUB_CACHE, else hub in HF_HOME, else huggingface/hub in the user's
// cache.
func (h *host) hubCache() (hub.Cache, error) {
	for _, key := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"} {
		if dir := h.expand(h.env(key)); dir != "" {
			return hub.Cache(dir), nil
		}
	}
	home, err := h.hubFolder()
	return hub.Cache(filepath.Join(home, "hub")), err
}

// hubFolder is HF_HOME, else huggingface in the user's cache.
func (h *host) hubFolder() (string, error) {
	if dir := h.expand(h.env("HF_HOME")); dir != "" {
		return dir, nil
	}
	cache, err := h.userCache()
	return filepath.Join(cache, "huggingface"), err
}

// userCache is XDG_CACHE_HOME, else .cache in the user's folder, which the Hugging Face libraries take on every system.
func (h *host) userCache() (string, error) {
	if dir := h.expand(h.env("XDG_CACHE_HOME")); dir != "" {
		return dir, nil
	}
	home := h.home()
	if home == "" {
		return "", errors.New("no folder for the Hugging Face cache: set HF_HOME or HOME")
	}
	return filepath.Join(home, ".cache"), nil
}

func (h *host) home() string {
	if runtime.GOOS == "windows" {
		return h.env("USERPROFILE")
	}
	return h.env("HOME")
}

// expand puts in the user's folder for a leading ~ and variables for $NAME, as the Python libraries do for these.
func (h *host) expand(text string) string {
	if rest, ok := strings.CutPrefix(text, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
		text = h.home() + rest
	}
	return os.Expand(text, h.env)
}

// hubHome reads all of it.
func (h *host) hubHome() (hubHome, error) {
	cache, err := h.hubCache()
	if err != nil {
		return hubHome{}, err
	}
	home := hubHome{cache: cache, endpoint: strings.TrimRight(h.env("HF_ENDPOINT"), "/"), offline: isOn(h.env("HF_HUB_OFFLINE")) || isOn(h.env("TRANSFORMERS_OFFLINE"))}
	if isOn(h.env("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		return home, nil
	}
	home.token, err = h.hubToken()
	return home, err
}

// hubToken is HF_TOKEN, else what is in the file HF_TOKEN_PATH, else in the one that `hf auth login` writes.
func (h *host) hubToken() (string, error) {
	for _, key := range []string{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"} {
		if token := strings.TrimSpace(h.env(key)); token != "" {
			return token, nil
		}
	}
	file := h.expand(h.env("HF_TOKEN_PATH"))
	if file == "" {
		folder, err := h.hubFolder()
		if err != nil {
			return "", err
		}
		file = filepath.Join(folder, "token")
	}
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("the hub's token: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// client asks the hub.
func (home hubHome) client(h *host) hub.Client {
	return hub.Client{
		Endpoint: home.endpoint, Token: home.token, Agent: "quarry/" + version(), Transport: http.DefaultTransport,
		Note: func(line string) { h.note("%s", line) },
	}
}

// isOn reads a switch as the Hugging Face libraries do.
func isOn(text string) bool {
	return slices.Contains([]string{"1", "ON", "YES", "TRUE"}, strings.ToUpper(text))
}
