package page

// Drawing is what charts.js draws: one of the kinds below, with the fields that the kind has.
type Drawing struct {
	Kind string `json:"kind"`

	X    string `json:"x,omitempty"` // names of the axes
	Y    string `json:"y,omitempty"`
	LogX bool   `json:"log_x,omitempty"`

	Series []string `json:"series,omitempty"` // told apart by colour, dash and symbol alike
	Facets []string `json:"facets,omitempty"` // panels side by side; none is one panel
	Points []Point  `json:"points,omitempty"`
	Edges  []Edge   `json:"edges,omitempty"` // of Curve: upright lines

	Rows    []string `json:"rows,omitempty"` // of Cells, top down; names of Bars and Differences
	Columns []string `json:"columns,omitempty"`
	Cells   []Cell   `json:"cells,omitempty"`
	Share   bool     `json:"share,omitempty"` // values of Cells are shares of 1, and shaded as such

	Nodes []Node   `json:"nodes,omitempty"`
	Links [][2]int `json:"links,omitempty"` // from node to node
}

// The kinds of drawings.
const (
	Lines       = "lines"       // Points joined within a series, each marked, with their intervals
	Curve       = "curve"       // Points joined, with their bands and without marks: there are many
	Steps       = "steps"       // Points as the left edges of a histogram
	Cells       = "cells"       // a table whose cells are shaded by their value
	Bars        = "bars"        // one bar a cell, by its value
	Differences = "differences" // Points as marks on rows, with their intervals, beside a line at 0; Y is the row
	Lineage     = "lineage"     // boxes and arrows
)

// Point is one value of a series.
type Point struct {
	X      float64  `json:"x"`
	Y      float64  `json:"y"`
	Series int      `json:"s"`
	Facet  int      `json:"f"`
	Chosen bool     `json:"chosen,omitempty"`
	Low    *float64 `json:"low,omitempty"` // of Curve the band around it, of Lines its interval
	High   *float64 `json:"high,omitempty"`
}

// Edge is a place on the axis of x where something ends and something begins.
type Edge struct {
	X     float64 `json:"x"`
	Facet int     `json:"f"`
}

// Cell is one value with its words.
type Cell struct {
	Row    int     `json:"r"`
	Column int     `json:"c"`
	Value  float64 `json:"v"`
	Text   string  `json:"t"`
}

// Node is a box of a lineage, on a grid.
type Node struct {
	X      int    `json:"x"`
	Y      int    `json:"y"`
	Label  string `json:"label"`
	Detail string `json:"detail"`
}
