package twiliosim

import (
	"bytes"
	"encoding/binary"
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

// Audio is the recording as a WAV file: a soft pattern of two notes at first, then silence.
func (r Recording) Audio() []byte {
	all, err := io.ReadAll(r.wav())
	if err != nil {
		panic("reading made-up sound: " + err.Error()) // it has no way to fail
	}
	return all
}

// MP3 is the recording as an MP3 file. It is silent throughout.
func (r Recording) MP3() []byte {
	const frameLength = 36 * time.Millisecond // 576 samples at 16 kHz
	// MPEG-2, layer III, no checksum; 8 kbit/s, 16 kHz; mono, original. Nothing is coded for its granule: silence.
	frame := make([]byte, 36)
	copy(frame, []byte{0xFF, 0xF3, 0x18, 0xC4})
	frames := int((r.Duration + frameLength - 1) / frameLength)
	return bytes.Repeat(frame, max(frames, 1))
}

// wav makes the file up while it is read, so that long recordings need no room.
func (r Recording) wav() *io.SectionReader {
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
