"""Times faiss' exact search on what `go test -bench Exact ./search` searches: the top 200 of 200,000 passages of dimension
384 for 1,000 queries, all at once and in FlagEmbedding's batches of 64. Prints seconds, three of each.

    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python bench/peers/faiss_search.py [--threads 2]
"""

import argparse
import time

import faiss
import numpy


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(arguments.threads)
    source = numpy.random.default_rng(0)
    passages, queries = (source.uniform(-1, 1, (rows, 384)).astype("float32") for rows in (200_000, 1000))
    faiss.normalize_L2(passages)
    faiss.normalize_L2(queries)
    index = faiss.IndexFlatIP(384)
    index.add(passages)
    for batch in (1000, 64):
        for _ in range(3):
            start = time.perf_counter()
            for first in range(0, len(queries), batch):
                index.search(queries[first:first + batch], 200)
            print(f"batch {batch}: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
