package amphoverify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	depthMax = 64
	safeMax  = 1<<53 - 1
)

// octets reads strict base64url: no padding, no other character, no unused bits.
func octets(text string) ([]byte, bool) {
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	// The decoder skips line ends. Only a second encoding shows the difference.
	return decoded, err == nil && base64.RawURLEncoding.EncodeToString(decoded) == text
}

// parseObject reads strict JSON: an object in UTF-8 without repeated members and without half of a surrogate pair.
func parseObject(data []byte) (map[string]any, bool) {
	if !utf8.Valid(data) || !json.Valid(data) || hasHalfPair(data) {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	value, ok := readValue(decoder, 0)
	object, isObject := value.(map[string]any)
	return object, ok && isObject
}

func readValue(decoder *json.Decoder, depth int) (any, bool) {
	token, err := decoder.Token()
	if err != nil || depth > depthMax {
		return nil, false
	}
	switch token {
	case json.Delim('{'):
		object := map[string]any{}
		for decoder.More() {
			name, err := decoder.Token()
			text, isText := name.(string)
			if err != nil || !isText || has(object, text) {
				return nil, false
			}
			value, ok := readValue(decoder, depth+1)
			if !ok {
				return nil, false
			}
			object[text] = value
		}
		_, err = decoder.Token()
		return object, err == nil && depth < depthMax
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			value, ok := readValue(decoder, depth+1)
			if !ok {
				return nil, false
			}
			list = append(list, value)
		}
		_, err = decoder.Token()
		return list, err == nil && depth < depthMax
	}
	return token, true
}

// hasHalfPair finds \ud800 without its other half, which the decoder would replace.
func hasHalfPair(data []byte) bool {
	high := false
	for at := 0; at < len(data); at++ {
		unit, length := uint64(0), 1
		if data[at] == '\\' {
			length = 2
			if data[at+1] == 'u' {
				length = 6
				unit, _ = strconv.ParseUint(string(data[at+2:at+6]), 16, 32)
			}
		}
		isLow := unit >= 0xdc00 && unit <= 0xdfff
		if high != isLow {
			return true
		}
		high = unit >= 0xd800 && unit <= 0xdbff
		at += length - 1
	}
	return false
}

func has(object map[string]any, name string) bool {
	_, found := object[name]
	return found
}

// whole returns a whole number that every language can represent.
func whole(value any) (int64, bool) {
	text, isNumber := value.(json.Number)
	if !isNumber {
		return 0, false
	}
	number, err := strconv.ParseFloat(string(text), 64)
	return int64(number), err == nil && number == math.Trunc(number) && math.Abs(number) <= safeMax
}

func texts(value any) ([]string, bool) {
	list, isList := value.([]any)
	read := make([]string, 0, len(list))
	for _, one := range list {
		text, isText := one.(string)
		if !isText {
			return nil, false
		}
		read = append(read, text)
	}
	return read, isList
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// lowerASCII leaves other letters alone, some of which have a small letter in ASCII.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}
