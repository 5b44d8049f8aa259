"""Korean particles follow the way a name is spoken."""

import pytest

from tunbridge.inspect.explain.particles import PARTICLES, with_particle


@pytest.mark.parametrize(
    ("name", "particle", "expected"),
    [
        ("br-int", "은", "br-int는"),  # 티
        ("br-tun", "은", "br-tun은"),  # 엔
        ("br-ex", "이", "br-ex가"),  # 엑스
        ("br-eth1", "은", "br-eth1은"),  # 일
        ("br-eth1", "으로", "br-eth1로"),  # ㄹ counts as a vowel for 으로
        ("vxlan-0a00001b", "을", "vxlan-0a00001b를"),  # 비
        ("network0", "으로", "network0으로"),  # 영
        ("compute3", "과", "compute3과"),  # 삼
        ("compute2", "과", "compute2와"),  # 이
        ("tap6", "이", "tap6이"),  # 육
        ("tap8", "으로", "tap8로"),  # 팔
        ("br-all", "으로", "br-all로"),  # 엘
        ("VM", "으로", "VM으로"),  # 엠
        ("br-router", "은", "br-router는"),  # 라우터
        ("br-provider", "이", "br-provider가"),  # 프로바이더
        ("br-r", "이", "br-r이"),  # 알
        ("컴퓨트 노드", "은", "컴퓨트 노드는"),
        ("터널", "으로", "터널로"),
        ("호스트 외 3개", "은", "호스트 외 3개는"),
        ("브리지 셋", "을", "브리지 셋을"),
        ("br-tun (떨어짐)", "은", "br-tun (떨어짐)은"),
        ("日本", "은", "日本은(는)"),
        ("", "으로", "으로(로)"),
    ],
)
def test_the_particle_follows_the_last_sound(name: str, particle: str, expected: str) -> None:
    assert with_particle(name, particle) == expected


def test_every_particle_has_both_forms() -> None:
    assert all(len(forms) == 2 for forms in PARTICLES.values())
