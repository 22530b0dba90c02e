"""The nine compositions: seven in the catalogue, two that nobody has released."""

import instruments as play
import numpy as np
from arranging import (
    arpeggio,
    bass_line,
    between,
    comping,
    drum_pattern,
    held_chords,
    solo,
    swelled,
    voicing,
    walking_bass,
)
from mixing import Part, Song
from notation import Chord, Note, parse_chords, parse_notes


def morning_ferry() -> Song:
    """Folk-pop in D, 100 to the minute: guitar, electric piano, bass, light drums; intro, A, bridge, A higher."""
    rng = np.random.default_rng(1)
    chords = parse_chords("D G  D A/C# Bm G D A/C# G A  Em G Bm A  D F#m G A D")
    melody = parse_notes(
        """r:.5 a4:.5 d5:1 e5:.5 f#5:1 e5:.5 | e5:1.5 c#5:.5 a4:2 | r:.5 b4:.5 d5:1 f#5:.5 a5:1 f#5:.5 |
        g5:1.5 f#5:.5 d5:1 b4:1 | d5:.5 e5:.5 f#5:1.5 a5:.5 f#5:1 | e5:2 r:.5 e5:.5 f#5:.5 e5:.5 |
        d5:1 b4:.5 d5:.5 g5:1.5 f#5:.5 | e5:3 r:1 |
        g5:1 e5:.5 b4:.5 e5:1 g5:1 | b5:1.5 a5:.5 g5:1 d5:1 | f#5:.5 g5:.5 f#5:.5 d5:.5 b4:2 | c#5:1 e5:1 a5:1.5 g5:.5 |
        f#5:1.5 e5:.5 d5:.5 a5:1.5 | a5:.5 c#6:.5 a5:1 f#5:2 | b5:1 a5:.5 g5:.5 d6:1.5 b5:.5 |
        a5:1 e5:.5 g5:.5 f#5:1 e5:1 | d5+f#5+a5:4 |""",
        start_beats=8,
    )
    arc = ((0, 0.6), (8, 0.8), (40, 0.75), (56, 1.0), (72, 1.0), (76, 0.7))
    return Song(
        beats_a_minute=100,
        seed=101,
        parts=[
            Part(play.nylon_string, swelled(arpeggio(chords, 45, 0.5, rng, 0.75), *arc), 0.55, -0.35),
            Part(play.electric_piano, swelled(melody, *arc), 0.5, 0.25),
            Part(play.upright_bass, between(bass_line(chords, 33, (0, 1.5, 2), rng), 8, 76), 0.6),
            Part(play.kick, drum_pattern("x....?x.", 0.5, range(2, 18), rng), 0.45),
            Part(play.snare, drum_pattern("..o...o?", 0.5, range(6, 18), rng), 0.35, 0.1),
            Part(play.shaker, drum_pattern("o?ox", 0.5, range(4, 36), rng), 0.3, 0.5),
        ],
    )


def glass_garden() -> Song:
    """Ambient in A lydian, 54 to the minute, quiet: string pad and a few bells in a large room; no pulse."""
    chords = parse_chords("Amaj9 B/A F#m9 Dmaj7 Amaj9 C#m7 F#m9 B/A Dmaj7 E Amaj9")
    bells = parse_notes(
        """r:4 | r:2 d#6:2 | e6:1 c#6:3 | r:1 a5:1 f#5:2 | e6:1.5 g#5:.5 b5:2 | r:2 g#5:1 c#6:1 | a5:4 |
        d#6:1 f#6:1 b5:2 | r:1 a5:1 c#6:2 | b5:1.5 g#5:1.5 e5:1 | a5:4 |""",
        velocity=0.6,
    )
    low = [Note(chord.start_beats, chord.duration_beats, 33 + (chord.bass - 33) % 12, 0.5) for chord in chords]
    pad = swelled(held_chords(chords, 54, 0.6), (0, 0.5), (16, 1), (24, 0.7), (36, 1.1), (44, 0.5))
    return Song(
        beats_a_minute=54,
        seed=102,
        room=0.6,
        room_s=3.5,
        peak=0.32,
        parts=[Part(play.strings, pad, 0.35), Part(play.strings, low, 0.3), Part(play.glass_bell, bells, 0.35, 0.3)],
    )


def letter_to_ines() -> Song:
    """Solo guitar in E minor, three to the bar, 92 to the minute with rubato."""
    rng = np.random.default_rng(3)
    chords = parse_chords("Em D C B7 Em Am D G C Am B7 B7 Em D C G Am Em B7 Em Em", beats=3)
    melody = parse_notes(
        """b4:1.5 c5:.5 b4:1 | a4:1 f#4:1 a4:1 | g4:1.5 a4:.5 g4:1 | f#4:2 b4:1 |
        e5:1.5 f#5:.5 g5:1 | e5:1 c5:1 a4:1 | d5:1.5 e5:.5 f#5:1 | d5:2 b4:1 |
        e5:1 g5:1 e5:1 | c5:.5 d5:.5 e5:1 a5:1 | f#5:1.5 e5:.5 d#5:1 | b4:3 |
        g5:1.5 f#5:.5 e5:1 | f#5:1 d5:1 a4:1 | e5:1.5 d5:.5 c5:1 | b4:2 d5:1 |
        c5:.5 b4:.5 a4:1 e5:1 | b4:1 g4:1 e4:1 | f#4:1 a4:.5 g4:.5 f#4:1 | e4:3 | e5+g5+b5:3 |""",
        beats_a_bar=3,
        velocity=0.85,
    )
    arc = ((0, 0.7), (12, 0.85), (30, 1.0), (36, 0.7), (45, 0.95), (63, 0.5))
    inner = between(arpeggio(chords, 40, 0.5, rng, 0.5), 0, 60)
    return Song(
        beats_a_minute=92,
        seed=103,
        rubato=0.08,
        peak=0.4,
        parts=[
            Part(play.nylon_string, swelled(melody, *arc), 0.7),
            Part(play.nylon_string, swelled(inner, *arc), 0.5),
        ],
    )


def night_bus_nine() -> Song:
    """Electronic in C minor, 120 to the minute: drums, saw bass, arpeggio, lead, a break, and a second lead."""
    rng = np.random.default_rng(4)
    chords = parse_chords("Cm Ab  Cm Ab Eb Bb  Cm Ab Eb Bb  Fm G  Cm Ab Eb Bb Fm Cm Ab G  Cm Cm")
    lead = parse_notes(
        """g4:.75 c5:.75 eb5:.5 d5:1 c5:1 | eb5:1.5 c5:.5 ab4:2 | g4:.75 bb4:.75 eb5:.5 g5:1 f5:1 | d5:1 f5:1 bb4:2 |
        ab5:2 g5:1 f5:1 | d5:3 r:1 |
        c5:.5 d5:.5 eb5:.5 g5:1 eb5:.5 d5:.5 c5:.5 | c6:1 ab5:.5 g5:.5 eb5:2 |
        bb4:.5 eb5:.5 g5:.5 bb5:1 g5:.5 f5:.5 eb5:.5 | f5:1.5 d5:.5 bb5:1 ab5:1 |
        ab5:.75 f5:.75 c5:.5 ab5:.75 g5:.75 f5:.5 | g5:1 eb5:1 c5:1.5 d5:.5 |
        eb5:.5 c5:.5 ab4:.5 c5:.5 eb5:1 ab5:1 | g5:1 f5:.5 d5:.5 b4:1 d5:1 | c5:4 |""",
        start_beats=24,
    )
    glitter = swelled(arpeggio(chords, 60, 0.25, rng, 0.6), (0, 0.4), (8, 0.8), (40, 0.7), (48, 0.9), (88, 0.3))
    bass = bass_line(chords, 36, (0, 0.75, 1.5, 2, 2.75, 3.5), rng)
    grooves = (range(2, 10), range(12, 20))
    kicks = [note for bars in grooves for note in drum_pattern("x...x...x...x.?.", 0.25, bars, rng)]
    claps = [note for bars in grooves for note in drum_pattern("....x.......x..?", 0.25, bars, rng)]
    return Song(
        beats_a_minute=120,
        seed=104,
        room=0.15,
        parts=[
            Part(play.synth_lead, lead, 0.5, 0.1),
            Part(play.marimba, glitter, 0.35, -0.4),
            Part(play.synth_bass, [*between(bass, 8, 40), *between(bass, 48, 84)], 0.55),
            Part(play.strings, held_chords(chords[10:], 55, 0.6)[:6], 0.3),
            Part(play.kick, kicks, 0.8),
            Part(play.snare, claps, 0.6, -0.1),
            Part(play.hi_hat, between(drum_pattern("..x?..xo", 0.25, range(8, 40), rng), 16, 80), 0.5, 0.3),
        ],
    )


def brass_kettle() -> Song:
    """Swing blues in F, 140 to the minute: the head, then a chorus of improvisation over a walking bass."""
    rng = np.random.default_rng(5)
    blues = "F7 Bb7 F7 F7 Bb7 Bb7 F7 D7 Gm7 C7 F7:2 D7:2 Gm7:2 C7:2"
    chords = parse_chords(f"{blues} {blues} F7")
    head = parse_notes(
        """r:.5 c5:.5 eb5:.5 f5:1 c5:.5 ab4:.5 f4:.5 | r:.5 d5:.5 f5:.5 ab5:1.5 f5:1 |
        c5:.5 eb5:.5 f5:1 r:.5 a5:.5 f5:1 | r:1 c5:.5 a4:.5 f4:2 | r:.5 d5:.5 f5:.5 ab5:1 f5:.5 d5:.5 bb4:.5 |
        ab5:1.5 g5:.5 f5:1 d5:1 | c5:.5 eb5:.5 f5:1.5 r:1.5 | f#5:.5 a5:.5 c6:1 a5:.5 f#5:.5 d5:1 |
        bb5:1 g5:.5 d5:.5 f5:1.5 d5:.5 | e5:.5 g5:.5 bb5:1 g5:.5 e5:.5 c5:1 | f5:1.5 c5:.5 a4:1 c5:1 |
        d5:.5 bb4:.5 g4:1 e4:.5 g4:.5 bb4:1 |"""
    )
    ending = parse_notes("f5:.5 c5:.5 a4:.5 f4:2.5", start_beats=96)
    chorus = solo(chords[14:28], (5, 8, 9, 10, 11, 0, 2, 3), 57, 84, rng)
    return Song(
        beats_a_minute=140,
        seed=105,
        swing=True,
        parts=[
            Part(play.muted_brass, [*head, *chorus, *ending], 0.5, 0.15),
            Part(play.electric_piano, comping(chords, 57, rng), 0.28, -0.4),
            Part(play.upright_bass, walking_bass(chords, 33, rng), 0.7),
            Part(play.ride, drum_pattern("x.xox.xo", 0.5, range(24), rng), 0.5, 0.4),
            Part(play.brush, drum_pattern("..x...x?", 0.5, range(24), rng), 0.5, -0.2),
            Part(play.snare, drum_pattern("...?.?.?", 0.5, range(12, 24), rng), 0.25),
        ],
    )


def chapel_at_low_tide() -> Song:
    """Organ chorale in G minor, 66 to the minute, ending in the major."""
    chords = parse_chords("Gm D/F# Gm Cm Gm/Bb F Bb D Eb Bb Cm7:2 D7:2 G")
    soprano = parse_notes(
        """d5:2 bb4:1 a4:1 | a4:2 f#4:1 a4:1 | bb4:1 c5:1 d5:1 g4:1 | c5:1.5 d5:.5 eb5:2 |
        d5:1 c5:.5 bb4:.5 g4:2 | a4:1 c5:1 f5:1 c5:1 | d5:2 f5:1 d5:1 | c5:1 bb4:1 a4:2 |
        g4:.5 bb4:.5 eb5:1 g5:2 | f5:1 d5:.5 eb5:.5 f5:1 bb4:1 | eb5:1 c5:.5 d5:.5 c5:.5 bb4:.5 a4:1 | g4:4 |"""
    )
    pedal = [Note(chord.start_beats, chord.duration_beats, 43 + (chord.bass - 43) % 12, 0.8) for chord in chords]
    arc = ((0, 0.7), (16, 0.8), (30, 0.95), (36, 1.1), (48, 0.8))
    return Song(
        beats_a_minute=66,
        seed=106,
        room=0.5,
        room_s=2.8,
        peak=0.7,
        parts=[
            Part(play.organ, swelled(soprano, *arc), 0.5),
            Part(play.organ, swelled(_moving_tenor(chords), *arc), 0.28, -0.3),
            Part(play.organ, swelled(pedal, *arc), 0.4, 0.2),
        ],
    )


def paper_kites() -> Song:
    """Marimba and plucked strings in B minor, seven eighths to the bar, over a pad."""
    rng = np.random.default_rng(7)
    chords = parse_chords("Bm G D A  Bm G D A Bm G Em F#m  D A  D A G F#m Bm Em F#m Bm", beats=3.5)
    first = """f#5:1 b5:.5 a5:.5 f#5:1.5 | d5:.5 e5:.5 g5:1 b4:1.5 | a5:1 f#5:1 d5:.5 e5:1 | e5:2 c#5:1.5 |
        b4:.5 c#5:.5 d5:1 f#5:1.5 | g5:1 f#5:.5 d5:.5 b5:1.5 | e5:.5 g5:.5 b5:1 g5:.5 e5:1 | f#5:2 a5:.5 c#6:1 |"""
    second = """d6:1 a5:1 f#5:.5 a5:1 | c#6:.5 b5:.5 a5:1 e5:1.5 | b5:1 g5:.5 d5:.5 g5:1.5 |
        a5:.5 f#5:.5 c#5:1 f#5:1.5 | d6:.5 c#6:.5 b5:1 f#5:1.5 | g5:1 e5:.5 b4:.5 e5:1.5 |
        f#5:.5 g5:.5 f#5:.5 e5:.5 c#5:1.5 | b4+f#5+b5:3.5 |"""
    melody = [*parse_notes(first, 14, 3.5), *parse_notes(second, 49, 3.5)]
    arc = ((0, 0.6), (14, 0.85), (42, 0.7), (49, 1.0), (77, 0.6))
    return Song(
        beats_a_minute=105,
        seed=107,
        room=0.25,
        parts=[
            Part(play.marimba, swelled(arpeggio(chords, 47, 0.5, rng, 0.8), *arc), 0.6, -0.3),
            Part(play.nylon_string, melody, 0.75, 0.3),
            Part(play.strings, swelled(held_chords(chords[4:], 52, 0.5), *arc), 0.2),
            Part(play.shaker, drum_pattern("xoxox??", 0.5, range(4, 21), rng), 0.35, 0.5),
            Part(play.kick, drum_pattern("x...x..", 0.5, range(6, 21), rng), 0.4),
        ],
    )


def blue_ledger() -> Song:
    """Unreleased: electric piano waltz in B flat, 84 to the minute."""
    rng = np.random.default_rng(8)
    chords = parse_chords("Bbmaj7 Gm7 Cm7 F7 Bbmaj7 Eb Cm7 F7 Dm7 Gm7 Cm7 F7 Bbmaj7", beats=3)
    melody = parse_notes(
        """d5:1 f5:1 a5:1 | g5:2 f5:1 | eb5:1.5 d5:.5 c5:1 | a4:2 c5:1 | d5:.5 eb5:.5 f5:1 bb5:1 | g5:2 eb5:1 |
        c5:.5 d5:.5 eb5:1 g5:1 | f5:3 | a5:1 f5:1 d5:1 | bb5:1.5 a5:.5 g5:1 | eb5:1 g5:1 c6:1 |
        a5:1.5 g5:.5 f5:1 | bb4:3 |""",
        beats_a_bar=3,
    )
    return Song(
        beats_a_minute=84,
        seed=108,
        parts=[
            Part(play.electric_piano, melody, 0.5, 0.2),
            Part(play.electric_piano, arpeggio(chords, 46, 0.5, rng, 0.55), 0.35, -0.2),
            Part(play.brush, drum_pattern("..o?o.", 0.5, range(2, 12), rng), 0.4),
        ],
    )


def untitled_seven() -> Song:
    """Unreleased: synthesiser sketch in A minor with a broken beat, 104 to the minute."""
    rng = np.random.default_rng(9)
    chords = parse_chords("Am F C G Am F Dm E Am F C E")
    lead = parse_notes(
        """a4:.5 c5:.5 e5:1 d5:.5 c5:.5 b4:1 | a4:1.5 c5:.5 f5:2 | e5:.5 g5:.5 e5:1 c5:1 d5:1 | b4:2 g4:2 |
        e5:1 a5:1 g5:.5 e5:.5 c5:1 | f5:1.5 e5:.5 c5:2 | d5:.5 f5:.5 a5:1 f5:1 d5:1 | e5:1 g#5:1 b5:2 |
        a5:.75 g5:.75 e5:.5 c5:1 e5:1 | f5:1 a5:1 c6:1 a5:1 | g5:.5 e5:.5 c5:1 g4:1 c5:1 | b4:1 g#4:1 e4:2 |"""
    )
    return Song(
        beats_a_minute=104,
        seed=109,
        parts=[
            Part(play.synth_lead, lead, 0.5),
            Part(play.strings, held_chords(chords, 57, 0.55), 0.2, -0.2),
            Part(play.synth_bass, bass_line(chords, 33, (0, 1.5, 2.5, 3), rng), 0.55),
            Part(play.kick, drum_pattern("x..?..x...x..?..", 0.25, range(12), rng), 0.7),
            Part(play.snare, drum_pattern("....x..?....x...", 0.25, range(12), rng), 0.5),
            Part(play.hi_hat, drum_pattern("xoxox?xo", 0.25, range(24), rng), 0.4, 0.3),
        ],
    )


def _moving_tenor(chords: list[Chord]) -> list[Note]:
    """Inner voices: the chord's tones held, the middle one stepping up to its neighbour and back in each half."""
    notes = []
    for index, chord in enumerate(chords):
        tones = voicing(chord, 55)
        notes += [Note(chord.start_beats, chord.duration_beats, pitch, 0.7) for pitch in (tones[0], tones[-1])]
        quarter = chord.duration_beats / 4
        steps = (0, 2, 0, -1) if index % 3 else (0, 0, 2, 0)
        scale = {7, 9, 10, 0, 2, 3, 5} if index < len(chords) - 1 else {7, 9, 11, 0, 2, 4, 6}
        for count, step in enumerate(steps):
            pitch = tones[1] + step if (tones[1] + step) % 12 in scale else tones[1]
            notes.append(Note(chord.start_beats + count * quarter, quarter, pitch, 0.6))
    return notes
