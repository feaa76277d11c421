# Names of the functions and data that headers declare, one a line. Knows the headers of this tree, as clang-format leaves
# them; tests/tools/check_exports.py asks the compiler the same question and compares.

FNR == 1 { depth = 0; statement = ""; comment = 0; directive = 0 }

{
	line = $0
	if (directive || line ~ /^[ \t]*#/) { # with its continuation lines
		directive = line ~ /\\$/
		next
	}
	line = without_comments(line)
	while (line != "") {
		at = match(line, /[{};]/)
		if (at == 0) {
			if (depth == 0)
				statement = statement " " line
			next
		}
		mark = substr(line, at, 1)
		if (depth == 0)
			statement = statement " " substr(line, 1, at - 1)
		line = substr(line, at + 1)
		if (mark == "{")
			depth++
		else if (mark == "}" && --depth == 0 && statement ~ /inline/)
			statement = "" # a function's body has ended; a type's goes on to its semicolon
		else if (mark == ";" && depth == 0) {
			print_names(statement)
			statement = ""
		}
	}
}

function without_comments(text, from, to) {
	for (;;) {
		if (comment) {
			to = index(text, "*/")
			if (to == 0)
				return ""
			text = substr(text, to + 2)
			comment = 0
		}
		from = index(text, "/*")
		if (from == 0)
			return text
		to = index(substr(text, from + 2), "*/")
		if (to == 0) {
			comment = 1
			return substr(text, 1, from - 1)
		}
		text = substr(text, 1, from - 1) " " substr(text, from + 2 + to + 1)
	}
}

function print_names(text, names, count, i) {
	if (text ~ /^[ \t]*(typedef|struct [a-z0-9_]+$|enum )/)
		return
	if (match(text, /sn_[a-z0-9_]+\(/)) {
		print substr(text, RSTART, RLENGTH - 1)
		return
	}
	if (text !~ /^[ \t]*extern /)
		return
	count = split(text, names, ",")
	for (i = 1; i <= count; i++) {
		sub(/\[.*/, "", names[i])
		sub(/.*[ \t*]/, "", names[i])
		print names[i]
	}
}
