# Writes the .npy fixtures beside this file. Made with NumPy 2; run: python make.py
import os

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
rows = np.array([[0.0, 1.5, -2.25], [1e-38, 3.4e38, -0.0]], dtype=np.float32)


def save(name, array, version=(1, 0)):
    with open(os.path.join(here, name + ".npy"), "wb") as f:
        np.lib.format.write_array(f, array, version=version)


save("two_by_three", rows)
save("version_2", rows, (2, 0))
save("no_rows", rows[:0])
save("float16", np.ones((2, 3), np.float16))
save("float64", rows.astype(np.float64))
save("big_endian", rows.astype(">f4"))
save("fortran", np.asfortranarray(rows))
save("one_dimension", rows[0])
save("three_dimensions", rows[None])
save("scalar", np.float32(1.0).reshape(()))
save("structured", np.zeros((2,), dtype=[("a", "<f4"), ("b", "<i4")]))
