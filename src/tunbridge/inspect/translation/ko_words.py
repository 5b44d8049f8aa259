"""Words of pictures, pages and reports in Korean, by the English that stands in the code."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # -- 점검 결과 ----------------------------------------------------------------------------------------------------
    "error": "오류",
    "warning": "경고",
    "info": "정보",
    "not checked": "점검 안 함",
    "also: {names} ({count} in all)": "같은 항목: {names} (모두 {count}개)",
    "fix: {fix}": "조치: {fix}",
    "; likewise for the others": ". 나머지도 마찬가지입니다",
    "from: {source}": "위치: {source}",
    ", line {lines}": ", {lines}행",
    ", lines {lines}": ", {lines}행",
    "{names} and {count} more": "{names} 외 {count}개",
    "nothing found": "발견된 문제 없음",
    "{hosts} host checked: {found}": "호스트 {hosts}개 점검: {found}",
    "{hosts} hosts checked: {found}": "호스트 {hosts}개 점검: {found}",
    "{count} error": "오류 {count}",
    "{count} errors": "오류 {count}",
    "{count} warning": "경고 {count}",
    "{count} warnings": "경고 {count}",
    "{count} info": "정보 {count}",
}
