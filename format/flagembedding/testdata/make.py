# Writes the fixtures beside this file with Python's own json module: rows.jsonl holds rows in many spellings, rows.python.jsonl
# and rows.ascii.jsonl what json.dumps makes of them. Made with Python 3.11; run: python make.py
import json
import os

here = os.path.dirname(os.path.abspath(__file__))
rows = [
    r'{"query": "plain", "pos": ["a"], "neg": []}',
    r'{"neg":["n1","n2"],"pos":["p"],"query":"other order","prompt":"P\n","type":"normal"}',
    r'{"query": "escapes \" \\ \/ \b \f \n \r \t \u0000 \u001f \u007f", "pos": ["\u00e9 \u2028 \ud83d\ude00 \u017c\u00f3\u0142w"]}',
    '{"query": "raw é \u2028 😀 żółw \x7f", "pos": ["<b> & </b>"], "neg": ["\\nabla \\\\frac"]}'.replace("\\nabla", "\\\\nabla"),
    r'{"query": "scores", "pos": ["a", "b"], "neg": ["c"], "pos_scores": [1, 0.5], "neg_scores": [-0.0]}',
    r'{"query": "numbers", "pos": [], "x": [0, -0, -0.0, 1.0, 1.10, 1e5, 1E-5, 0.0001, 0.00001234, 1e16, 123456789012345678, 1e15, 9007199254740993.0,'
    r' 12345678901234567890123, 1.7976931348623157e308, 5e-324, 0.1, 100, 2.5e+3, 1e22, 1e-7, 3.141592653589793238462643]}',
    r'{"query": "nested", "pos": ["a"], "meta" : { "b" : [ true , false , null , { } , [ ] ] , "a" : { "k" : "v" } } , "category" : null }',
    r'{"query":"spaces",   "pos"  :["a" ,  "b"],"é":"key","\u017c":1}',
]


def write(name, lines):
    with open(os.path.join(here, name), "w", encoding="utf-8", newline="\n") as f:
        f.writelines(line + "\n" for line in lines)


write("rows.jsonl", rows)
write("rows.python.jsonl", [json.dumps(json.loads(row), ensure_ascii=False) for row in rows])
write("rows.ascii.jsonl", [json.dumps(json.loads(row)) for row in rows])
