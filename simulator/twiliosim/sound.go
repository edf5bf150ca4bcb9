package twiliosim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// The sound of recordings: 8 kHz, 16 bits, mono, as Twilio's WAV files are.
const (
	sampleRate   = 8000
	sampleBytes  = 2
	wavHeader    = 44
	audible      = 20 * time.Second // of a recording; the rest is silence
	tonePeriod   = sampleRate / 2   // samples from one note to the next
	toneLoudness = 0.12
)

// maxSound is the longest sound that is taken, in bytes: five minutes.
const maxSound = 5 * 60 * sampleRate * sampleBytes

// readWAV returns the samples of a WAV file with the usual header of 44 bytes.
func readWAV(r io.Reader) ([]byte, error) {
	file, err := io.ReadAll(io.LimitReader(r, wavHeader+maxSound+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the sound: %w", err)
	case len(file) > wavHeader+maxSound:
		return nil, errors.New("the sound is longer than five minutes")
	case len(file) <= wavHeader || !bytes.Equal(file[:4], []byte("RIFF")) || !bytes.Equal(file[8:36], wavHead(0)[8:36]):
		return nil, errors.New("the sound is no WAV file of 16 bits, mono, 8 kHz")
	}
	return file[wavHeader : len(file)-(len(file)-wavHeader)%sampleBytes], nil
}

// Audio is the recording as a WAV file: the sound that was given, or a soft pattern of two notes at first, then silence.
func (r Recording) Audio() []byte {
	all, err := io.ReadAll(r.wav())
	if err != nil {
		panic("reading made-up sound: " + err.Error()) // it has no way to fail
	}
	return all
}

// MP3 is the recording as an MP3 file: two notes in turn. There is no encoder here, so a sound that was given comes as the WAV file that
// it is, which players do not mind.
func (r Recording) MP3() []byte {
	if r.sound != nil {
		return r.Audio()
	}
	const frameLength = 36 * time.Millisecond // 576 samples at 16 kHz
	frames := max(1, int((r.Duration+frameLength-1)/frameLength))
	var file []byte
	for i := range frames {
		if time.Duration(i)*frameLength > audible {
			file = append(file, mp3Frame(0, 0)...)
			continue
		}
		file = append(file, mp3Frame([]int{31, 40}[i/14%2], min(i%14, 14-i%14))...)
	}
	return file
}

// mp3Frame is a frame in which one of the 576 frequency lines, some 14 Hz each, sounds: MPEG-2, layer III, no checksum; 8 kbit/s, 16 kHz;
// mono, original. Loudness is from 0 (silence) to 7. See ISO/IEC 13818-3 and 11172-3, 2.4.1 and 2.4.2.
func mp3Frame(line, loudness int) []byte {
	frame := make([]byte, 36)
	copy(frame, []byte{0xFF, 0xF3, 0x18, 0xC4})
	if loudness == 0 {
		return frame // nothing is coded for its granule
	}
	at := 32
	put := func(bits int, value uint) {
		for i := bits - 1; i >= 0; i-- {
			frame[at/8] |= byte(value>>i&1) << (7 - at%8)
			at++
		}
	}
	quads := line / 4
	put(8+1, 0)                  // main_data_begin, private_bits
	put(12, uint(quads*4+5))     // part2_3_length
	put(9, 0)                    // big_values: there are none
	put(8, uint(186+2*loudness)) // global_gain, in quarters of a doubling
	put(9+1+15+7+1, 0)           // scalefac_compress, window_switching_flag, table_select, region counts, scalefac_scale
	put(1, 1)                    // count1table_select: the table whose codes are the four values, inverted
	for range quads {
		put(4, 0b1111)
	}
	put(4, 0b1111&^(1<<(3-line%4)))
	put(1, 0) // its sign
	return frame
}

// wav makes the file up while it is read, so that long recordings need no room.
func (r Recording) wav() *io.SectionReader {
	if r.sound != nil {
		file := append(wavHead(int64(len(r.sound))), r.sound...)
		return io.NewSectionReader(bytes.NewReader(file), 0, int64(len(file)))
	}
	samples := int64(r.Duration.Seconds() * sampleRate)
	return io.NewSectionReader(wavFile{header: wavHead(samples * sampleBytes)}, 0, wavHeader+samples*sampleBytes)
}

// wavHead is the header of a file with so many bytes of sound. See http://soundfile.sapp.org/doc/WaveFormat/.
func wavHead(size int64) []byte {
	var b bytes.Buffer
	b.WriteString("RIFF")
	binary.Write(&b, binary.LittleEndian, uint32(wavHeader-8+size))
	b.WriteString("WAVEfmt ")
	binary.Write(&b, binary.LittleEndian, []uint32{16, 1 | 1<<16, sampleRate, sampleRate * sampleBytes, sampleBytes | 8*sampleBytes<<16})
	b.WriteString("data")
	binary.Write(&b, binary.LittleEndian, uint32(size))
	return b.Bytes()
}

// wavFile implements [io.ReaderAt], without an end.
type wavFile struct{ header []byte }

func (w wavFile) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		at := off + int64(i)
		if at < wavHeader {
			p[i] = w.header[at]
			continue
		}
		at -= wavHeader
		s := uint16(sample(at / sampleBytes))
		p[i] = byte(s >> (8 * (at % sampleBytes)))
	}
	return len(p), nil
}

// sample is a note that fades, a high one after a low one.
func sample(n int64) int16 {
	if n >= int64(audible.Seconds())*sampleRate {
		return 0
	}
	pitch := 440.0
	if n/tonePeriod%2 == 1 {
		pitch = 554.4
	}
	at := float64(n%tonePeriod) / tonePeriod
	loud := toneLoudness * math.Sin(math.Pi*at) // from nothing to nothing: no clicks
	return int16(math.MaxInt16 * loud * math.Sin(2*math.Pi*pitch*float64(n)/sampleRate))
}
