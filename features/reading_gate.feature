Feature: Nobody reads of a person unless that is decided and on record first
  Whoever looks is on record before they see anything: who, in which role, why and on which ground. So is whoever was
  turned away. What a consent leaves out is in no answer, and what came in against an opposition to feeding is shown to
  those alone who made it.

  Background:
    Given CHB knows Marie
    And CHB sends the study A of Marie

  Rule: X12, a professional reads under an access of theirs whose ground still holds

    Scenario: Marie's own hospital
      Given Dr Berger opens the record of Marie
      When Dr Berger reads the record of Marie
      Then the answer holds the studies A
      And a look of Dr Berger on the ground of an open access was on record before

    Scenario: Nobody let him in
      When Dr Arnaud reads the record of Marie
      Then the answer is refused by rule X12
      And a refusal of Dr Arnaud by rule X12 is on record

    Scenario: He was let in, and Marie opposed it since
      Given Dr Berger opens the record of Marie
      And Marie opposes consultation
      When Dr Berger reads the record of Marie
      Then the answer is refused by rule X5

    Scenario: He was let in, and Marie took her consent back
      Given Marie consents to Dr Arnaud
      And Dr Arnaud opens the record of Marie
      And Marie revokes her consent to Dr Arnaud
      When Dr Arnaud reads the record of Marie
      Then the answer is refused by rule X12

    Scenario: He was let in by a merge that turned out to be wrong
      Given CHP knows Anne
      And Marie and Anne are merged
      And Dr Arnaud opens the record of Marie
      When Marie and Anne are unmerged
      And Dr Arnaud reads the record of Marie
      Then the answer is refused by rule X12

  Rule: X13 and W2, others read what is theirs or what their task is

    Scenario: Marie reads of herself
      When Marie reads the record of Marie
      Then the answer holds the studies A

    Scenario: Marie does not read of Anne
      Given CHP knows Anne
      When Marie reads the record of Anne
      Then the answer is refused by rule X13

    Scenario: A clerk reads no record
      When the clerk reads the record of Marie
      Then the answer is refused by rule W2
      And a refusal of the clerk by rule W2 is on record

    Scenario: Without a reason nobody reads
      When Marie reads the record of Marie without a reason
      Then the answer is refused by rule X3

  Rule: X14, an erased identity has no record left to consult

    Scenario: Her own hospital asks after Marie was erased
      Given Marie is erased
      When Dr Berger opens the record of Marie
      Then that access is denied by rule X14

  Rule: What a consent leaves out is in no answer given under it

    Scenario: Marie leaves one study out
      Given CHB sends the study B of Marie
      And Marie consents to Dr Arnaud but not to the study A
      And Dr Arnaud opens the record of Marie
      When Dr Arnaud reads the record of Marie
      Then the answer holds the studies B
      And the doses that Dr Arnaud reads of Marie are of the studies B

    Scenario: Marie leaves a period out
      Given Marie consents to Dr Arnaud but not to the period of the study A
      And Dr Arnaud opens the record of Marie
      When Dr Arnaud reads the record of Marie
      Then the answer holds no studies
      And the doses that Dr Arnaud reads of Marie are of no studies

    Scenario: Marie leaves a study out for a doctor of her own hospital
      Given Dr Berger opens the record of Marie
      And Marie consents to Dr Berger but not to the study A
      When Dr Berger reads the record of Marie
      Then the answer holds no studies
      And the doses that Dr Berger reads of Marie are of no studies

    Scenario: In an emergency he sees all the same
      Given Marie consents to Dr Berger but not to the study A
      And Dr Berger breaks the glass for Marie
      When Dr Berger reads the record of Marie
      Then the answer holds the studies A

    Scenario: A period is left out, and the record does not know yet when the study was
      Given Marie consents to Dr Arnaud but not to the period of the study A
      And Dr Arnaud opens the record of Marie
      And the record lags behind the doses
      When CHB sends the study B of Marie
      Then the doses that Dr Arnaud reads of Marie are of no studies

    Scenario: Marie leaves an author out
      Given Dr Berger orders an exam for Marie
      And Marie consents to Dr Arnaud but not to what Dr Berger wrote
      And Dr Arnaud opens the record of Marie
      When Dr Arnaud reads the record of Marie
      Then the answer holds no orders

  Rule: X18, a list names those alone of whom its reader may read

    Scenario: Dr Arnaud orders an exam for a number that he knows
      Given Dr Arnaud orders an exam of CHP for Marie
      When Dr Arnaud asks for the orders
      Then the order of Marie is on the list without a name, and with his question

    Scenario: Dr Arnaud asks for a reading of a study whose id he knows
      Given Dr Arnaud of CHP asks CHB to read the study A
      When Dr Arnaud asks for the readings
      Then the reading of Marie is on the list without a name, and with his question

    Scenario: Marie lets him in
      Given Dr Arnaud orders an exam of CHP for Marie
      And Marie consents to Dr Arnaud
      And Dr Arnaud opens the record of Marie
      When Dr Arnaud asks for the orders
      Then the order of Marie is on the list by name

    Scenario: Marie's own hospital
      Given Dr Berger orders an exam for Marie
      When Dr Berger asks for the orders
      Then the order of Marie is on the list by name

    Scenario: Marie opposes consultation
      Given Dr Berger orders an exam for Marie
      And Marie opposes consultation
      When Dr Berger asks for the orders
      Then the order of Marie is on the list without a name, and without anything clinical

  Rule: What comes in against an opposition to feeding is kept for those who made it, until it is lifted

    Scenario: Marie opposes feeding by everyone
      Given Marie opposes feeding by everyone
      And CHB sends the study B of Marie
      When Marie reads the record of Marie
      Then the answer holds the studies A
      And it counts 1 thing withheld
      And the doses that Marie reads of Marie are of the studies A

    Scenario: The hospital that made it sees it, another does not
      Given Marie opposes feeding by everyone
      And CHB sends the study B of Marie
      And Dr Berger opens the record of Marie
      And Marie consents to Dr Arnaud
      And Dr Arnaud opens the record of Marie
      When Dr Berger reads the record of Marie
      Then the answer holds the studies A and B
      When Dr Arnaud reads the record of Marie
      Then the answer holds the studies A
      And it does not say that anything is withheld

    Scenario: A reading that another asks for tells nothing of a study that is withheld from it
      Given Marie opposes feeding by everyone
      And CHB sends the study B of Marie
      And Marie consents to Dr Arnaud
      And Dr Arnaud opens the record of Marie
      And Dr Arnaud of CHP asks CHB to read the study B
      When Dr Arnaud asks for the readings
      Then the reading tells nothing of the study

    Scenario: Whoever made a study shows it to whom they ask
      Given Marie opposes feeding by everyone
      And CHB sends the study B of Marie
      And Marie consents to Dr Arnaud
      And Dr Arnaud opens the record of Marie
      And Dr Berger of CHB asks CHP to read the study B
      When Dr Arnaud asks for the readings
      Then the reading tells of the study

    Scenario: It shows once the opposition is lifted
      Given Marie opposes feeding by everyone
      And CHB sends the study B of Marie
      And Marie lifts her opposition to feeding by everyone
      When Marie reads the record of Marie
      Then the answer holds the studies A and B

    Scenario: What was withheld stays so of the part that is split off
      Nobody knows yet which of the two opposed it.
      Given Marie opposes feeding by everyone
      And CHB sends the study B of Marie
      And the study B is split off Marie as Rose
      When Rose reads the record of Rose
      Then the answer holds no studies
      And it counts 1 thing withheld
      When the auditor asks for Rose as of now
      Then it counts 1 thing withheld
      When Marie reads the record of Marie
      Then the answer holds the studies A

    Scenario: She opposes it again
      Given Marie opposes feeding by everyone
      And CHB sends the study B of Marie
      And Marie lifts her opposition to feeding by everyone
      And Marie opposes feeding by everyone
      And CHB sends the study C of Marie
      When Marie reads the record of Marie
      Then the answer holds the studies A and B
      And it counts 1 thing withheld

    Scenario: Marie opposes feeding by another hospital
      Given Marie opposes feeding by CHP
      And CHB sends the study B of Marie
      When Marie reads the record of Marie
      Then the answer holds the studies A and B

    Scenario: Marie opposes feeding by a professional
      Given Marie opposes feeding by Dr Berger
      And Dr Berger orders an exam for Marie
      When Marie reads the record of Marie
      Then the answer holds no orders

    Scenario: It was said under another of her identities
      Given CHP knows Anne
      And Marie and Anne are merged
      And Anne opposes feeding by everyone
      And CHB sends the study B of Marie
      When Marie reads the record of Marie
      Then the answer holds the studies A

    Scenario: A study from before grows meanwhile
      Given Marie opposes feeding by everyone
      And CHB sends more of the study A of Marie
      When Marie reads the record of Marie
      Then the study A has 2 instances
      And it counts 1 thing withheld

    Scenario: An order from before is scheduled meanwhile
      Given Dr Berger orders an exam for Marie
      And Marie opposes feeding by everyone
      And the exam is scheduled
      When Marie reads the record of Marie
      Then the order is told as it was placed
      And it counts 1 thing withheld

    Scenario: The auditor is told how much is withheld, and no more
      Given Marie opposes feeding by everyone
      And CHB sends the study B of Marie
      When the auditor asks for Marie as of now
      Then the answer holds the studies A
      And it counts 1 thing withheld

    Scenario: The export leaves out what is withheld
      Given Marie opposes feeding by everyone
      And CHB sends the study B of Marie
      When the auditor exports Marie
      Then the export holds the study A and not the study B, and can be checked

  Rule: Whoever looked is told to Marie and to the auditor

    Scenario: Marie asks who looked
      Given Dr Berger opens the record of Marie
      And Dr Berger reads the record of Marie
      And Dr Arnaud reads the record of Marie
      When Marie asks who looked at Marie
      Then she is told that Dr Berger looked and Dr Arnaud was refused
