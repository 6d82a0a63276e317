// Package layering holds no code, only the tests that keep the tree's shape: which package may import which, what
// library code must leave to cmd, and that packages and exported names say what they are.
//
// The floors are in floors_test.go. A new package is added there, with its floor; a new edge between two packages of
// one floor is added with its reason.
package layering
