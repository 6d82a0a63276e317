"""Times faiss' exact search on vectors in .npy files and prints one JSON object.

    python bench/peers/faiss_search.py --passages P.npy --queries Q.npy --depth 200 [--batch 64] [--output FOUND]

Reading and building the index, which copies the vectors, are not timed. --batch is the queries of a call, all by default;
FlagEmbedding's hn_mine.py takes 64. --output saves FOUND-ids.npy and FOUND-scores.npy.
"""

import argparse
import json
import time

import faiss
import numpy
import threadpoolctl


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", required=True)
    parser.add_argument("--queries", required=True)
    parser.add_argument("--depth", type=int, default=200)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output")
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(arguments.threads)
    passages, queries = numpy.load(arguments.passages), numpy.load(arguments.queries)
    index = faiss.IndexFlatIP(passages.shape[1])
    index.add(passages)
    del passages
    index.search(queries[:8], arguments.depth)  # warm-up
    batch, found = arguments.batch or len(queries), []
    start = time.perf_counter()
    for first in range(0, len(queries), batch):
        found.append(index.search(queries[first:first + batch], arguments.depth))
    seconds = time.perf_counter() - start
    if arguments.output:
        for name, part in (("scores", 0), ("ids", 1)):
            numpy.save(f"{arguments.output}-{name}.npy", numpy.concatenate([f[part] for f in found]))
    print(json.dumps({"seconds": seconds, "versions": {"faiss-cpu": faiss.__version__}, "libraries": threadpoolctl.threadpool_info()}))


if __name__ == "__main__":
    main()
