import json
import unittest

from props import compile_props


class Props(unittest.TestCase):
    def test_lines_become_fields(self):
        self.assertEqual(json.loads(compile_props("# hello\na = b\n\nc=d\n")[0]), {"a": "b", "c": "d"})

    def test_a_line_without_a_value_is_a_problem(self):
        self.assertEqual(compile_props("a = b\nc\n")[1][0][0], 2)


if __name__ == "__main__":
    unittest.main()
